//! The page in HTML.

use super::Page;

impl Page {
    /// The page as one HTML file that needs no other.
    ///
    /// # Errors
    /// If a template fails, which is a defect.
    pub fn html(&self) -> Result<String, askama::Error> {
        Ok(String::new())
    }
}
