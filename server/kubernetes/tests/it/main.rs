//! Tests of the Kubernetes crate.

mod k8s;
