//! Payloads of tokens and receipts: whatever decodes can be written, and then reads the same.

use keyraft::token::payload::{Payload, ReceiptPayload};

use super::token::DEFAULT_DOMAIN;

pub fn run(data: &[u8]) {
    if let Ok(payload) = Payload::decode(data, DEFAULT_DOMAIN) {
        // A domain whose id is text can only be the default domain, and then it is not written as text.
        if let Ok(bytes) = payload.encode(DEFAULT_DOMAIN) {
            let again = Payload::decode(&bytes, DEFAULT_DOMAIN).expect("what was written can be read");
            assert_eq!(again, payload);
            assert_eq!(again.encode(DEFAULT_DOMAIN).as_ref(), Ok(&bytes), "there is one way to write it");
        }
    }
    if let Ok(receipt) = ReceiptPayload::decode(data) {
        let bytes = receipt.encode().expect("a receipt that was read can be written");
        let again = ReceiptPayload::decode(&bytes).expect("what was written can be read");
        assert_eq!(again, receipt);
    }
}
