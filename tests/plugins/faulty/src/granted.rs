//! What needs a grant of the operator: a program, a port.

use dropleaf_plugin_sdk::prelude::*;
use std::net::TcpStream;
use std::process::{Command, Stdio};

/// Runs a program and publishes what it printed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Launch {
    /// The program's path.
    program: String,
    /// Its arguments.
    #[serde(default)]
    arguments: Vec<String>,
}

impl Operation for Launch {
    const NAME: &'static str = "launch";
    const SUMMARY: &'static str = "Run a program";
    const PERMISSIONS: Permissions = Permissions {
        programs: &["cat"],
        temp: true,
        ..Permissions::NONE
    };

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        let mut command = Command::new(&self.program);
        for argument in &self.arguments {
            command.arg(match argument.strip_prefix("{temp}/") {
                Some(name) => written(run, name)?,
                None => argument.clone(),
            });
        }
        command.stdin(Stdio::null());
        let ran = command
            .output()
            .map_err(|error| Error::failed(format!("{}: {error}", self.program)))?;
        run.result("success", ran.status.success())?;
        run.result("printed", String::from_utf8_lossy(&ran.stdout))?;
        run.result("complained", String::from_utf8_lossy(&ran.stderr))
    }
}

/// A file of this name in the scratch folder, with a word of ours.
fn written(run: &mut Run<'_>, name: &str) -> Result<String> {
    let folder = run.temp_dir()?;
    let path = folder.join(name);
    std::fs::write(&path, "left by the plugin")
        .map_err(|error| Error::failed(format!("{}: {error}", path.display())))?;
    Ok(path.display().to_string())
}

/// Connects to a port of this machine.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Connect {
    /// The port.
    port: u16,
}

impl Operation for Connect {
    const NAME: &'static str = "connect";
    const SUMMARY: &'static str = "Connect to a port";
    const PERMISSIONS: Permissions = Permissions {
        network: true,
        ..Permissions::NONE
    };

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        let connected = TcpStream::connect(("127.0.0.1", self.port));
        connected.map_err(|error| Error::failed(format!("connect: {error}")))?;
        run.result("connected", true)
    }
}
