pub mod labels;
pub mod photo;
