//! The sans-I/O core of Meshlace: everything that decides.
#![no_std]

extern crate alloc;
