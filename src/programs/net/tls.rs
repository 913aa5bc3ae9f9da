//! TLS from PEM files: rustls with ring, TLS 1.2 and 1.3, the certificate of the server always
//! checked.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem};

use super::exit::{EndsProgram, Exit};
use crate::escape;

/// A server's certificate chain and key.
#[derive(Clone, Debug)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
}

impl ServerTls {
    /// Reads the chain (the server's own certificate first) and the key, both PEM; they may be in
    /// one file.
    ///
    /// # Errors
    /// When a file cannot be read, holds nothing of the kind, or key and certificate do not belong
    /// together.
    pub fn from_files(certificates: &Path, key: &Path) -> Result<Self, TlsError> {
        let chain = read_certificates(certificates)?;
        let private = PrivateKeyDer::from_pem_file(key).map_err(|source| TlsError::Pem {
            file: key.to_owned(),
            what: "private key",
            source,
        })?;
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder
                    .with_no_client_auth()
                    .with_single_cert(chain, private)
            })
            .map_err(|source| TlsError::Pair {
                certificates: certificates.to_owned(),
                key: key.to_owned(),
                source,
            })?;
        Ok(Self {
            config: Arc::new(config),
        })
    }

    pub(super) fn connection(&self) -> Result<ServerConnection, rustls::Error> {
        ServerConnection::new(Arc::clone(&self.config))
    }
}

/// The certificate authorities that a client trusts.
#[derive(Clone, Debug)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
}

impl ClientTls {
    /// Trusts the authorities of a PEM file, or else those of this machine.
    ///
    /// # Errors
    /// When the file cannot be read or holds no certificate, or the machine has none.
    pub fn new(authorities: Option<&Path>) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        match authorities {
            Some(file) => {
                for certificate in read_certificates(file)? {
                    roots
                        .add(certificate)
                        .map_err(|source| TlsError::Authority {
                            file: file.to_owned(),
                            source,
                        })?;
                }
            }
            None => {
                // Machines keep certificates that no library reads; those that are read will do.
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if roots.is_empty() {
                    return Err(TlsError::NoRoots);
                }
            }
        }
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Provider)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            config: Arc::new(config),
        })
    }

    pub(super) fn connection(&self, host: &str) -> Result<ClientConnection, rustls::Error> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            rustls::Error::General(format!(
                "`{}` is neither a DNS name nor an IP address",
                escape::line(host)
            ))
        })?;
        ClientConnection::new(Arc::clone(&self.config), name)
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn read_certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unread = |source| TlsError::Pem {
        file: file.to_owned(),
        what: "certificate",
        source,
    };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(file)
        .map_err(unread)?
        .collect::<Result<_, _>>()
        .map_err(unread)?;
    if certificates.is_empty() {
        return Err(unread(pem::Error::NoItemsFound));
    }
    Ok(certificates)
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read, or has no such thing in it.
    #[error("cannot read a PEM {what} from {}: {source}", escape::line(&file.display().to_string()))]
    Pem {
        /// The file.
        file: PathBuf,
        /// What should be in it.
        what: &'static str,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// Key and certificate cannot be used together.
    #[error(
        "certificate {} and key {} cannot be used: {source}; do they belong together?",
        escape::line(&certificates.display().to_string()),
        escape::line(&key.display().to_string())
    )]
    Pair {
        /// The file of the certificate chain.
        certificates: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What is wrong with them.
        source: rustls::Error,
    },
    /// A certificate is not that of an authority.
    #[error(
        "a certificate in {} cannot be trusted as an authority: {source}",
        escape::line(&file.display().to_string())
    )]
    Authority {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// This machine trusts nobody.
    #[error(
        "this machine has no certificate authorities; name a PEM file with them (--tls-ca FILE)"
    )]
    NoRoots,
    /// The cryptography does not fit the protocol versions.
    #[error("TLS cannot be set up: {0}")]
    Provider(rustls::Error),
}

impl EndsProgram for TlsError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}
