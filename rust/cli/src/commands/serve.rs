//! `tandem serve`: serve a repository of models until a signal comes.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tandem_server::{ModelStatus, Server};

use crate::args::ServeArgs;
use crate::error::CliError;
use crate::output::{Align, Table};
use crate::session::Session;

/// What is printed once the server is ready.
#[derive(Serialize)]
struct ReadyDocument<'a> {
    url: &'a str,
    port: u16,
    models: Vec<ModelDocument<'a>>,
}

/// One version of a model.
#[derive(Serialize)]
struct ModelDocument<'a> {
    name: &'a str,
    version: Option<u64>,
    ready: bool,
    reason: Option<&'a str>,
}

impl<'a> ModelDocument<'a> {
    fn new(status: &'a ModelStatus) -> Self {
        let (name, version, reason) = (status.name.as_str(), status.version, status.reason.as_deref());
        Self { name, version, ready: reason.is_none(), reason }
    }
}

/// Runs the command.
pub(crate) fn execute(args: &ServeArgs, session: &mut Session) -> Result<(), CliError> {
    let config = args.configuration()?;
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let server = session.stage("loading the repository", || Server::start(config))?;
    let address = server.address();
    let url = format!("{scheme}://{address}");
    let models = server.models();
    announce(&url, address.port(), &models, session)?;
    let port_file =
        args.port_file.as_deref().map(|path| PortFile::write(path, address.port())).transpose()?;
    session.signals.wait();
    drop(port_file);
    if !session.json {
        writeln!(session.out, "stopping: what runs is finished first")?;
        session.out.flush()?;
    }
    server.shutdown();
    Ok(())
}

fn announce(url: &str, port: u16, models: &[ModelStatus], session: &mut Session) -> Result<(), CliError> {
    if session.json {
        let models = models.iter().map(ModelDocument::new).collect();
        return session.print_json(&ReadyDocument { url, port, models });
    }
    writeln!(session.out, "listening on {url}")?;
    let mut table = Table::new([("model", Align::Left), ("version", Align::Right), ("state", Align::Left)]);
    for model in models {
        let state = model
            .reason
            .as_ref()
            .map_or_else(|| "ready".to_owned(), |reason| format!("not served: {reason}"));
        table.row([
            model.name.as_str(),
            &model.version.map_or_else(|| "-".to_owned(), |version| version.to_string()),
            &state,
        ]);
    }
    if models.is_empty() {
        writeln!(session.out, "the repository has no model")?;
    } else {
        table.write(&mut session.out, 0)?;
    }
    session.out.flush()?;
    Ok(())
}

/// The file of `--port-file`: whole as soon as it is there, gone once the server stops.
struct PortFile(PathBuf);

impl PortFile {
    fn write(path: &Path, port: u16) -> Result<Self, CliError> {
        let failed = |source: io::Error| CliError::Output { target: path.display().to_string(), source };
        // Beside the file, so that the renaming stays within one file system.
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}", std::process::id()));
        let draft = path.with_file_name(name);
        fs::write(&draft, format!("{port}\n")).map_err(failed)?;
        fs::rename(&draft, path).map_err(failed)?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for PortFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            log::warn!("cannot remove {}: {error}", self.0.display());
        }
    }
}
