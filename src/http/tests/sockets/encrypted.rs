//! TLS: what is spoken, and certificates that are renewed while the daemon runs.

use super::*;
use crate::http::config::Tls;
use crate::http::tls::Certificate;
use rcgen::{CertifiedKey, KeyPair};
use std::path::Path;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

type Pair = CertifiedKey<KeyPair>;

fn pair() -> Pair {
    rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a pair")
}

fn write(folder: &Path, pair: &Pair) -> Tls {
    let tls = Tls {
        certificate: folder.join("cert.pem"),
        key: folder.join("key.pem"),
    };
    std::fs::write(&tls.certificate, pair.cert.pem()).expect("written");
    std::fs::write(&tls.key, pair.signing_key.serialize_pem()).expect("written");
    tls
}

/// Speaks TLS as one who trusts only this certificate.
fn trusting(pair: &Pair) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(pair.cert.der().clone()).expect("a certificate");
    ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("known versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

type Encrypted = tokio_rustls::client::TlsStream<TcpStream>;

async fn encrypt(config: ClientConfig, stream: TcpStream) -> std::io::Result<Encrypted> {
    let name = "localhost".try_into().expect("a name");
    within(tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream)).await
}

#[tokio::test]
async fn tls_speaks_http_2_and_the_machine_itself_may_go_without() {
    let (folder, pair) = (tempfile::tempdir().expect("a folder"), pair());
    let daemon = Daemon::start(Config {
        tls: Some(write(folder.path(), &pair)),
        ..Config::default()
    });
    let mut client = trusting(&pair);
    client.alpn_protocols = vec![b"h2".to_vec()];
    let stream = encrypt(client, daemon.connect().await)
        .await
        .expect("trusted");
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io)
        .await
        .expect("http/2");
    let driver = tokio::spawn(connection);
    let request = http::Request::get("https://localhost/api/v1/healthz")
        .body(http_body_util::Empty::<Bytes>::new())
        .expect("a request");
    let answer = within(sender.send_request(request))
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.version(), http::Version::HTTP_2);
    drop(sender);
    driver.abort();
    let plain = "GET /api/v1/healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut plain = daemon.ask(plain).await;
    let answer = until(&mut plain, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    daemon.stopped().await;
}

#[tokio::test]
async fn a_renewed_certificate_is_used_and_a_broken_one_is_not() {
    let (folder, old, new) = (tempfile::tempdir().expect("a folder"), pair(), pair());
    let files = write(folder.path(), &old);
    let certificate = Certificate::read_every(&files, Duration::ZERO).expect("a good pair");
    let certificate = Arc::new(certificate);
    let shown = async || -> CertificateDer<'static> {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let acceptor = certificate.current().await;
        let accepting = tokio::spawn(async move { acceptor.accept(far).await.map(drop) });
        let mut client = trusting(&old);
        let both = [&old, &new].map(|pair| pair.cert.der().clone());
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(both);
        client = ClientConfig::builder_with_provider(Arc::clone(client.crypto_provider()))
            .with_safe_default_protocol_versions()
            .expect("known versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = "localhost".try_into().expect("a name");
        let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
        let stream = within(connector.connect(name, near))
            .await
            .expect("trusted");
        let shown = stream.get_ref().1.peer_certificates().expect("shown")[0].clone();
        drop(stream);
        // The client may be gone before the last of the handshake is written.
        let _ = within(accepting).await.expect("no panic");
        shown.into_owned()
    };
    assert_eq!(shown().await, *old.cert.der());
    // In the middle of a renewal: the new certificate is there, its key not yet.
    std::fs::write(&files.certificate, new.cert.pem()).expect("written");
    assert_eq!(shown().await, *old.cert.der());
    std::fs::write(&files.key, new.signing_key.serialize_pem()).expect("written");
    assert_eq!(shown().await, *new.cert.der());
    std::fs::remove_file(&files.key).expect("removed");
    assert_eq!(shown().await, *new.cert.der());
}

#[tokio::test]
async fn who_only_connects_to_tls_is_let_go() {
    let (folder, pair) = (tempfile::tempdir().expect("a folder"), pair());
    let daemon = Daemon::start(Config {
        tls: Some(write(folder.path(), &pair)),
        head_timeout: Duration::from_millis(100),
        ..Config::default()
    });
    let mut silent = daemon.connect().await;
    assert_eq!(rest(&mut silent).await, "");
    // The first byte of a handshake, and no more.
    let mut half = daemon.connect().await;
    half.write_all(&[0x16]).await.expect("it reads");
    assert_eq!(rest(&mut half).await, "");
    let mut client = trusting(&pair);
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    let mut stream = encrypt(client, daemon.connect().await)
        .await
        .expect("still served");
    let request = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it reads");
    let mut answer = String::new();
    within(stream.read_to_string(&mut answer))
        .await
        .expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
