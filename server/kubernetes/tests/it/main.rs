//! Tests of the Kubernetes layer.

mod k8s;
