//! `image ls`: what the daemon has, in the columns of `docker image ls`.

use std::fmt::{self, Display, Formatter};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::error::ImageError;
use super::progress::size;
use crate::docker::{Engine, Image};

/// The images, newest first.
#[derive(Debug)]
pub struct Images {
    images: Vec<Image>,
    /// Seconds since 1970.
    now: i64,
}

/// Asks the daemon.
///
/// # Errors
/// Those of the daemon.
pub async fn list(engine: &impl Engine) -> Result<Images, ImageError> {
    let mut images = engine.images().await?;
    images.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.tags.cmp(&b.tags)));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed());
    Ok(Images { images, now })
}

impl Display for Images {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut rows = vec![["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"].map(str::to_owned)];
        for image in &self.images {
            let id = image.id.trim_start_matches("sha256:");
            let short = id.get(..12).unwrap_or(id).to_owned();
            let mut row = |repository: &str, tag: &str| {
                let age = age(self.now - image.created);
                rows.push([repository.to_owned(), tag.to_owned(), short.clone(), age, size(image.size)]);
            };
            if image.tags.is_empty() {
                row("<none>", "<none>");
            }
            for name in &image.tags {
                let (repository, tag) = name.rsplit_once(':').unwrap_or((name, "<none>"));
                row(repository, tag);
            }
        }
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 4] = std::array::from_fn(width);
        for row in &rows {
            for (cell, width) in row.iter().zip(widths) {
                write!(f, "{cell:width$}   ")?;
            }
            writeln!(f, "{}", row[4])?;
        }
        Ok(())
    }
}

fn age(seconds: i64) -> String {
    let (number, unit) = match seconds {
        ..60 => return "just now".to_owned(),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{number} {unit}{} ago", if number == 1 { "" } else { "s" })
}

impl Images {
    /// An array, one object an image; sizes in bytes, times in seconds since 1970.
    pub fn json(&self) -> Value {
        let row = |image: &Image| json!({ "id": image.id, "tags": image.tags, "created": image.created, "size": image.size });
        self.images.iter().map(row).collect()
    }
}
