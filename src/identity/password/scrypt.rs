//! scrypt: `$scrypt$ln=16,r=8,p=1$<salt>$<digest>`, both in base64 without padding.

use base64::Engine;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{BASE64, PasswordAlgorithm, PasswordError};

const ALGORITHM: &str = PasswordAlgorithm::Scrypt.name();

/// Most memory that checking one hash may take: a hash from elsewhere must not exhaust the machine.
const MAX_MEMORY_BYTES: u64 = 1 << 30;

/// Most passes over that memory.
const MAX_PARALLELISM: u32 = 64;

const DEFAULT_LOG_N: u8 = 16;
const DEFAULT_BLOCK_SIZE: u32 = 8;
const DEFAULT_PARALLELISM: u32 = 1;
const DIGEST_BYTES: usize = 32;

/// What scrypt costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parameters {
    log_n: u8,
    block_size: u32,
    parallelism: u32,
}

impl Parameters {
    /// Those of new hashes; `n` is always 2^16, as in Keystone.
    pub(super) fn configured(
        block_size: Option<u32>,
        parallelism: Option<u32>,
    ) -> Result<Self, PasswordError> {
        let block_size = block_size.unwrap_or(DEFAULT_BLOCK_SIZE);
        Self { log_n: DEFAULT_LOG_N, block_size, parallelism: parallelism.unwrap_or(DEFAULT_PARALLELISM) }
            .checked()
    }

    fn checked(self) -> Result<Self, PasswordError> {
        let memory_bytes = 1_u64
            .checked_shl(u32::from(self.log_n))
            .and_then(|n| n.checked_mul(128).and_then(|bytes| bytes.checked_mul(u64::from(self.block_size))));
        let is_affordable = memory_bytes.is_some_and(|bytes| bytes <= MAX_MEMORY_BYTES)
            && self.parallelism <= MAX_PARALLELISM
            && self.log_n > 0;
        if is_affordable && self.library().is_some() {
            Ok(self)
        } else {
            Err(PasswordError::CostOutOfRange { algorithm: ALGORITHM })
        }
    }

    fn library(self) -> Option<::scrypt::Params> {
        ::scrypt::Params::new(self.log_n, self.block_size, self.parallelism, DIGEST_BYTES).ok()
    }

    pub(super) fn is_at_least(self, wanted: Self) -> bool {
        self.log_n >= wanted.log_n
            && self.block_size >= wanted.block_size
            && self.parallelism >= wanted.parallelism
    }

    fn derive(self, password: &[u8], salt: &[u8]) -> Result<Zeroizing<[u8; DIGEST_BYTES]>, PasswordError> {
        let out_of_range = || PasswordError::CostOutOfRange { algorithm: ALGORITHM };
        let mut digest = Zeroizing::new([0; DIGEST_BYTES]);
        let parameters = self.library().ok_or_else(out_of_range)?;
        ::scrypt::scrypt(password, salt, &parameters, &mut *digest).map_err(|_| out_of_range())?;
        Ok(digest)
    }

    fn write(self, salt: &str, digest: &str) -> String {
        format!("$scrypt$ln={},r={},p={}${salt}${digest}", self.log_n, self.block_size, self.parallelism)
    }
}

pub(super) fn hash(password: &[u8], parameters: Parameters, salt: &[u8]) -> Result<String, PasswordError> {
    let digest = parameters.derive(password, salt)?;
    Ok(parameters.write(&BASE64.encode(salt), &BASE64.encode(*digest)))
}

pub(super) fn verify(password: &[u8], hash: &str) -> Result<bool, PasswordError> {
    let (parameters, salt, digest) = read(hash)?;
    Ok(parameters.derive(password, &salt)?.as_slice().ct_eq(&digest).into())
}

pub(super) fn parameters_of(hash: &str) -> Result<Parameters, PasswordError> {
    read(hash).map(|(parameters, _, _)| parameters)
}

fn read(hash: &str) -> Result<(Parameters, Vec<u8>, Vec<u8>), PasswordError> {
    let malformed = || PasswordError::MalformedHash { algorithm: ALGORITHM };
    let mut parts = hash.strip_prefix("$scrypt$").ok_or_else(malformed)?.split('$');
    let (Some(options), Some(salt), Some(digest), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(malformed());
    };
    let option =
        |name: &str| options.split(',').find_map(|option| option.strip_prefix(name)).ok_or_else(malformed);
    let number = |name: &str| option(name)?.parse::<u32>().map_err(|_| malformed());
    let parameters = Parameters {
        log_n: u8::try_from(number("ln=")?).map_err(|_| malformed())?,
        block_size: number("r=")?,
        parallelism: number("p=")?,
    };
    let decode = |text: &str| BASE64.decode(text.replace('.', "+")).map_err(|_| malformed());
    Ok((parameters.checked()?, decode(salt)?, decode(digest)?))
}

pub(super) fn decoy(parameters: Parameters) -> String {
    parameters.write(&format!("{:A<22}", ""), &format!("{:A<43}", ""))
}
