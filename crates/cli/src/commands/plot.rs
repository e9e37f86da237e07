//! `plot`: what a crawl found, as pictures.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, bail};
use clap::Args;
use plot::{Look, NoSuchPicture, Picture, PictureName, of_census};

use crate::atlas::{AtlasArgs, Wanted};
use crate::chosen::ChosenArgs;
use crate::console::Console;
use crate::{Done, atlas, console, output};

#[derive(Debug, Args)]
pub(crate) struct PlotArgs {
    /// Which picture, or `all`; without a name they are listed.
    #[arg(value_name = "NAME")]
    which: Option<Which>,
    /// The file, an SVG or a PNG by its ending; with `all` the directory [default: NAME.svg, or this directory].
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How wide the picture is, in pixels, from 560 to 4000.
    #[arg(long, value_name = "PIXELS", default_value_t = 800, value_parser = clap::value_parser!(u16).range(560..=4_000))]
    width: u16,
    /// How many pixels of a PNG each of these is, from 0.5 to 8.
    #[arg(long, value_name = "FACTOR", default_value_t = 2.0, value_parser = parse_scale)]
    scale: f64,
    /// How many names have a bar of their own; the others are counted together.
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..=200))]
    top: u16,
    #[command(flatten)]
    chosen: ChosenArgs,
    #[command(flatten)]
    atlas: AtlasArgs,
}

#[derive(Clone, Copy, Debug)]
enum Which {
    All,
    One(PictureName),
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Which, String> {
        if text == "all" {
            return Ok(Which::All);
        }
        let name = text.parse().map(Which::One);
        name.map_err(|it: NoSuchPicture| format!("{it}; `bitcensus plot` lists them"))
    }
}

pub(crate) fn run(args: PlotArgs) -> anyhow::Result<Done> {
    let Some(which) = args.which else {
        let line = |it: PictureName| format!("{:<25}{}\n", it.code(), it.about());
        console::print_result(&PictureName::ALL.map(line).concat())?;
        return Ok(Done::Well);
    };
    let (store, crawl) = args.chosen.find()?;
    let id = crawl.id;
    let wanted = Wanted {
        history: matches!(which, Which::All | Which::One(PictureName::Trends(_))),
        places: match which {
            Which::All => true,
            Which::One(name) => [PictureName::World, PictureName::Systems].contains(&name),
        },
    };
    let console = Console::new(false);
    let census = atlas::read_census(&args.atlas, &store, crawl, wanted, console)?;
    let look = Look {
        width: f64::from(args.width),
        top: usize::from(args.top),
    };
    let draw = |name| of_census(name, &census, env!("CARGO_PKG_VERSION"), look);
    match which {
        Which::One(name) => {
            let picture =
                draw(name).with_context(|| format!("crawl {id} has nothing for {name}"))?;
            let path = args.output.unwrap_or_else(|| file_of(name));
            write(&picture, &path, args.scale)?;
        }
        Which::All => {
            let dir = args.output.unwrap_or_else(|| PathBuf::from("."));
            let cannot = || format!("{} cannot be made", dir.display());
            fs::create_dir_all(&dir).with_context(cannot)?;
            for name in PictureName::ALL {
                if let Some(picture) = draw(name) {
                    write(&picture, &dir.join(file_of(name)), args.scale)?;
                }
            }
        }
    }
    Ok(Done::Well)
}

fn file_of(name: PictureName) -> PathBuf {
    PathBuf::from(format!("{name}.svg"))
}

/// Writes a picture, which is there only once it is whole, and says where it is.
fn write(picture: &Picture, path: &Path, scale: f64) -> anyhow::Result<()> {
    let bytes = match ending(path).as_deref() {
        Some("svg") => picture.svg().into_bytes(),
        Some("png") => picture.png(scale)?,
        _ => bail!("{} ends neither in .svg nor in .png", path.display()),
    };
    output::write_bytes(path, &bytes)?;
    console::print_result(&path.display().to_string())?;
    Ok(())
}

fn ending(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_lowercase())
}

fn parse_scale(text: &str) -> Result<f64, String> {
    let scale = text.parse().ok().filter(|it| (0.5..=8.0).contains(it));
    scale.ok_or_else(|| "expected a number from 0.5 to 8".to_owned())
}
