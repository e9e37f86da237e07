//! `data lookup`: where addresses are.

use clap::Args;
use proto::{Chain, PeerAddr};
use record::places::{Atlas, Place};
use record::text::escape;
use serde_json::json;

use crate::Done;
use crate::atlas::{AtlasArgs, NamesArgs};
use crate::console::{self, Console};
use crate::table::table;

/// The most characters that are shown of a text.
const SHOWN_CHARS: usize = 60;

#[derive(Debug, Args)]
pub(super) struct LookupArgs {
    /// IP addresses, with or without a port.
    #[arg(required = true, value_name = "ADDRESS", value_parser = parse_address)]
    addresses: Vec<PeerAddr>,
    /// Print a JSON array instead of a table.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    atlas: AtlasArgs,
    #[command(flatten)]
    names: NamesArgs,
}

pub(super) fn run(args: &LookupArgs) -> anyhow::Result<Done> {
    let databases = args.atlas.open()?;
    let console = Console::new(false);
    let databases = args.names.add_names(databases, &args.addresses, console)?;
    let places = args.addresses.iter().map(|it| (it, databases.place(it)));
    let text = match args.json {
        true => {
            let objects =
                places.map(|(addr, place)| json!({"address": addr.to_string(), "place": place}));
            serde_json::to_string_pretty(&objects.collect::<Vec<_>>())?
        }
        false => table(
            [
                "address",
                "country",
                "AS",
                "organisation",
                "city",
                "position",
                "time zone",
                "name",
            ],
            places.map(|(addr, place)| row(addr, &place)),
        ),
    };
    if let Some(hint) = databases.hint() {
        console.say(&hint);
    }
    console::print_result(&text)?;
    Ok(Done::Well)
}

fn row(addr: &PeerAddr, place: &Place) -> [String; 8] {
    let text = |it: &Option<String>| {
        it.as_deref()
            .map_or_else(|| "-".to_owned(), |it| escape(it, SHOWN_CHARS))
    };
    let position = place.latitude.zip(place.longitude);
    [
        addr.to_string(),
        text(&place.country),
        place
            .asn
            .map_or_else(|| "-".to_owned(), |it| it.to_string()),
        text(&place.organisation),
        text(&place.city),
        position.map_or_else(
            || "-".to_owned(),
            |(north, east)| format!("{north:.2}, {east:.2}"),
        ),
        text(&place.timezone),
        text(&place.hostname),
    ]
}

fn parse_address(text: &str) -> Result<PeerAddr, String> {
    PeerAddr::parse(text, Chain::Mainnet.default_port()).map_err(|it| it.to_string())
}
