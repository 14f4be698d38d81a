//! What is offered to mend.
