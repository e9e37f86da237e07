//! `tables`: what the protocol's words mean.

use clap::{Args, ValueEnum};
use proto::command::COMMANDS;
use proto::protocol_version::PROTOCOL_VERSIONS;
use proto::services::SERVICES;
use proto::{Chain, Outcome};

use crate::table::table;
use crate::{Done, console};

#[derive(Debug, Args)]
pub(crate) struct TablesArgs {
    /// Which table; all of them where none is named.
    #[arg(value_enum)]
    tables: Vec<Table>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Table {
    /// The names of messages.
    Commands,
    /// The service bits and who defines them.
    Services,
    /// The protocol versions and what each changed.
    Versions,
    /// The words for how a visit ends.
    Outcomes,
    /// The chains, their magic bytes, ports and DNS seeds.
    Chains,
}

pub(crate) fn run(args: TablesArgs) -> anyhow::Result<Done> {
    let wanted = match args.tables.as_slice() {
        [] => Table::value_variants(),
        some => some,
    };
    let texts: Vec<_> = wanted.iter().map(|it| render(*it)).collect();
    console::print_result(&texts.join("\n"))?;
    Ok(Done::Well)
}

fn render(which: Table) -> String {
    match which {
        Table::Commands => {
            let rows = COMMANDS
                .iter()
                .map(|it| [it.command.name(), it.defined_in, it.meaning].map(str::to_owned));
            table(["command", "defined in", "meaning"], rows)
        }
        Table::Services => {
            let rows = SERVICES.iter().map(|it| {
                let bit = it.bit.to_string();
                [&bit, it.name, it.defined_by, it.meaning].map(str::to_owned)
            });
            table(["bit", "service", "defined by", "promises"], rows)
        }
        Table::Versions => {
            let rows = PROTOCOL_VERSIONS.iter().map(|it| {
                let version = it.version.to_string();
                [&version, it.first_release, it.meaning].map(str::to_owned)
            });
            table(["protocol version", "first release", "what changed"], rows)
        }
        Table::Outcomes => {
            let rows = Outcome::ALL
                .iter()
                .map(|it| [it.code(), it.meaning()].map(str::to_owned));
            table(["outcome", "meaning"], rows)
        }
        Table::Chains => {
            let rows = Chain::ALL.iter().map(|it| {
                let magic = data_encoding::HEXLOWER.encode(&it.magic());
                let port = it.default_port().to_string();
                let seeds = it.dns_seeds().join("\n");
                [it.name(), &magic, &port, &seeds].map(str::to_owned)
            });
            table(["chain", "magic", "port", "DNS seeds"], rows)
        }
    }
}
