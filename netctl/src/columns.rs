//! Rows of text, one below the other.

use std::fmt::{self, Formatter};

/// Writes rows whose cells are as wide as the widest of their column; the last is as long as it is.
pub(crate) fn write<const N: usize>(f: &mut Formatter<'_>, gap: &str, rows: &[[String; N]]) -> fmt::Result {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(&format!("{cell:width$}{gap}"));
        }
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}
