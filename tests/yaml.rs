//! The YAML layer: what it reads, where, and what it makes of a text that is not YAML just now.

mod yaml {
    mod corpus;
    mod data;
    mod garbage;
    mod show;
    mod suite;
    mod typing;
}
