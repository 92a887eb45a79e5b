//! Webhooks over TLS: told to whom the system trusts, and to nobody else.

use super::{Call, request};
use crate::PROGRAM;
use crate::secure::{Certificate, one_job};
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::feed::PATIENCE;
use dropleaf_test_support::folder::wait_until;
use std::io::Write as _;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A server with a certificate; `/elsewhere` redirects, `/never` takes the call and falls silent.
fn listener(certificate: &Certificate) -> (u16, Receiver<Call>) {
    let chain = CertificateDer::from_pem_file(&certificate.certificate).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(&certificate.key).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("known versions")
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .expect("a pair");
    let config = Arc::new(config);
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = server.local_addr().expect("bound").port();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for stream in server.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).expect("a session");
            let (tell, mut stream) = (tell.clone(), StreamOwned::new(connection, stream));
            std::thread::spawn(move || {
                // One who does not trust us hangs up.
                let Ok(call) = request(&mut stream) else {
                    return;
                };
                let status = match call.path.as_str() {
                    "/elsewhere" => "301 Moved\r\nLocation: https://localhost:9/secret",
                    _ => "204 No Content",
                };
                let is_silent = call.path == "/never";
                let _ = tell.send(call);
                if is_silent {
                    std::thread::park();
                }
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                );
                let _ = stream.flush();
            });
        }
    });
    (port, told)
}

#[test]
fn webhooks_over_tls_reach_whom_the_system_trusts_and_nobody_else() {
    let home = TestHome::new(PROGRAM);
    let folder = home.path("");
    let good = Certificate::plain(&["localhost"], &folder, "good");
    let misnamed = Certificate::plain(&["other.example"], &folder, "misnamed");
    let strange = Certificate::plain(&["localhost"], &folder, "strange");
    let read = |certificate: &Certificate| {
        std::fs::read_to_string(&certificate.certificate).expect("written")
    };
    home.write("trusted.pem", read(&good) + &read(&misnamed));
    let ((trusted, told), (wrong, _), (unknown, _)) =
        (listener(&good), listener(&misnamed), listener(&strange));
    let hooks: Vec<String> = [
        (trusted, "ok"),
        (trusted, "elsewhere"),
        (wrong, "misnamed"),
        (unknown, "strange"),
    ]
    .iter()
    .map(|(port, path)| {
        format!("{{ webhook: \"https://localhost:{port}/{path}\", when: [succeeded] }}")
    })
    .collect();
    home.pipeline(
        "p",
        &format!(
            "watch: {{ folder: inbox/p, quiet: 0s }}\nsteps: [{{ uses: reverse }}]\nnotify: [{}]\n",
            hooks.join(", ")
        ),
    );
    let daemon = home.serve_by(|command| {
        command.env("SSL_CERT_FILE", home.path("trusted.pem"));
    });
    let job = one_job(&home, &daemon);
    let calls = [told.recv_timeout(PATIENCE), told.recv_timeout(PATIENCE)]
        .map(|call| call.expect("a call"));
    let mut paths = calls.each_ref().map(|call| call.path.as_str());
    paths.sort_unstable();
    assert_eq!(paths, ["/elsewhere", "/ok"]);
    wait_until("the redirect is refused", || {
        let log = daemon
            .get(&format!("/jobs/{job}/log?level=warn"))
            .body
            .to_string();
        log.contains("redirects to `localhost:9`, which is not followed")
    });
    // Those may be put right in time, so that they are tried again; the daemon's log says what is wrong meanwhile.
    wait_until("the certificates are refused", || {
        let log = daemon.log();
        log.contains(&format!("localhost:{wrong}"))
            && log.contains("not valid for name")
            && log.contains(&format!("localhost:{unknown}"))
            && log.matches("invalid peer certificate").count() >= 2
    });
}

#[test]
fn where_nobody_is_trusted_a_webhook_says_how_to_name_one() {
    let home = TestHome::new(PROGRAM);
    let hook = "{ webhook: \"https://localhost:9/x\", when: [succeeded] }";
    // Somebody must be there before it comes to trust.
    let listener = std::net::TcpListener::bind("localhost:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let hook = hook.replace(":9/", &format!(":{port}/"));
    home.pipeline(
        "p",
        &format!(
            "watch: {{ folder: inbox/p, quiet: 0s }}\nsteps: [{{ uses: reverse }}]\nnotify: [{hook}]\n"
        ),
    );
    let daemon = home.serve_by(|command| {
        command.env("SSL_CERT_FILE", "/nonexistent");
        command.env("SSL_CERT_DIR", "/nonexistent");
    });
    one_job(&home, &daemon);
    wait_until("the reason", || {
        let log = daemon.log();
        log.contains("nobody is trusted") && log.contains("`SSL_CERT_FILE`")
    });
    assert!(!daemon.log().contains("--ca"));
}
