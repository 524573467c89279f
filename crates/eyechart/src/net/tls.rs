//! Which certificates of servers are accepted.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use rustls_platform_verifier::Verifier;

/// Certificates that are trusted besides those of the system, in this process.
static EXTRA: RwLock<Vec<CertificateDer<'static>>> = RwLock::new(Vec::new());

/// Whether the certificates of servers are verified.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Certificates {
    /// A server must show a certificate that is trusted and valid for its name.
    #[default]
    Verified,
    /// Any certificate is accepted.
    Unverified,
}

/// Why certificates cannot be trusted.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the certificates in {}: {reason}", file.display())]
pub struct CertificatesError {
    file: PathBuf,
    reason: String,
}

/// Trusts the certificates of `pem`, the content of `file`, in every client that this process makes from now on.
///
/// # Errors
/// [`CertificatesError`] if there is no certificate, or one that is not valid.
pub fn trust_certificates(file: &Path, pem: &[u8]) -> Result<(), CertificatesError> {
    let failed = |reason| CertificatesError { file: file.to_owned(), reason };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| failed(format!("it is not valid PEM ({error})")))?;
    if found.is_empty() {
        let expected = "expected PEM, which has -----BEGIN CERTIFICATE-----; openssl x509 -inform der -in FILE converts DER";
        return Err(failed(expected.to_owned()));
    }
    let mut store = RootCertStore::empty();
    found
        .iter()
        .try_for_each(|certificate| store.add(certificate.clone()))
        .map_err(|error| failed(error.to_string()))?;
    EXTRA.write().unwrap_or_else(PoisonError::into_inner).extend(found);
    Ok(())
}

/// The TLS of clients.
pub(super) fn tls_config(certificates: Certificates) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let verifier = CertificateVerifier::new(certificates, &provider);
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = config.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

#[derive(Debug)]
struct CertificateVerifier {
    /// The system's verifier; absent if any certificate is accepted.
    system: Option<Result<Verifier, Error>>,
    extra: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl CertificateVerifier {
    fn new(certificates: Certificates, provider: &Arc<CryptoProvider>) -> Self {
        let extra = EXTRA.read().unwrap_or_else(PoisonError::into_inner).clone();
        let system = (certificates == Certificates::Verified)
            .then(|| Verifier::new_with_extra_roots(extra.clone(), Arc::clone(provider)));
        Self { system, extra, provider: Arc::clone(provider) }
    }

    /// Whether the certificate itself is one of those that are trusted.
    fn is_trusted(&self, certificate: &CertificateDer<'_>) -> bool {
        let is_it = |trusted: &CertificateDer<'_>| trusted.as_ref() == certificate.as_ref();
        // Read only in this rare case. The variables SSL_CERT_FILE and SSL_CERT_DIR count.
        self.extra.iter().any(is_it) || rustls_native_certs::load_native_certs().certs.iter().any(is_it)
    }
}

impl ServerCertVerifier for CertificateVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let system = match &self.system {
            None => return Ok(ServerCertVerified::assertion()),
            Some(system) => system.as_ref().map_err(Clone::clone)?,
        };
        let verdict = system.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match &verdict {
            // `openssl req -x509` makes a certificate of an authority, which servers then show as their own. That the
            // certificate has not expired was verified before this error.
            // A file of trusted certificates may also have the server's own instead of its authority's.
            Err(error) if is_untrusted(error) => match self.is_trusted(end_entity) {
                true => verify_name(end_entity, server_name),
                false => Err(CertificateError::UnknownIssuer.into()),
            },
            _ => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.system.is_none() {
            return Ok(HandshakeSignatureValid::assertion());
        }
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.system.is_none() {
            return Ok(HandshakeSignatureValid::assertion());
        }
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether no trusted authority has signed the certificate, or it is the certificate of an authority.
fn is_untrusted(error: &Error) -> bool {
    match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => true,
        Error::InvalidCertificate(CertificateError::Other(OtherError(cause))) => {
            matches!(cause.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
        }
        _ => false,
    }
}

/// Verifies that the certificate is for the server. A certificate that names no server is for every server: its owner could
/// sign a certificate for each of them.
fn verify_name(
    certificate: &CertificateDer<'_>,
    server: &ServerName<'_>,
) -> Result<ServerCertVerified, Error> {
    match verify_server_name(&ParsedCertificate::try_from(certificate)?, server) {
        Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. }))
            if presented.is_empty() => {}
        verdict => verdict?,
    }
    Ok(ServerCertVerified::assertion())
}
