//! The vendors' headers, Bitkiln's stand-ins for them, and [`bitkiln::fixed`] compute the same.
mod casts;
mod codes;
mod draw;
mod program;
mod vendor;
