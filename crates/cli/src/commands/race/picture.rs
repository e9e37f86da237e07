//! The picture of a race in a file.

use std::path::{Path, PathBuf};

use anyhow::Context;
use plot::gantt::Gantt;

use crate::output::write_bytes;

/// How many pixels of a PNG one of the picture is.
const DENSITY: f64 = 2.0;

/// Reads the path of a picture, whose ending says what it is to be.
pub(super) fn parse_path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match kind(&path) {
        Some(_) => Ok(path),
        None => Err("expected a file that ends with .svg or .png".to_owned()),
    }
}

pub(super) fn write(path: &Path, gantt: &Gantt) -> anyhow::Result<()> {
    let picture = gantt.draw();
    let bytes = match kind(path) {
        Some(Kind::Png) => picture
            .png(DENSITY)
            .context("the picture cannot be drawn as PNG")?,
        Some(Kind::Svg) | None => picture.svg().into_bytes(),
    };
    write_bytes(path, &bytes)
}

enum Kind {
    Svg,
    Png,
}

fn kind(path: &Path) -> Option<Kind> {
    match path.extension()?.to_str()? {
        "svg" => Some(Kind::Svg),
        "png" => Some(Kind::Png),
        _ => None,
    }
}
