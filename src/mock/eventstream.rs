//! Amazon's binary event stream, written. Must not know what the events are.
//! <https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html>, "Event stream encoding".

/// Headers whose values are texts: kind 7.
const TEXT: u8 = 7;

/// One message: its headers and its payload. `sound`: with the checksum it should have.
pub fn message(headers: &[(&str, &str)], payload: &[u8], sound: bool) -> Vec<u8> {
    let mut head = Vec::new();
    for (name, value) in headers {
        head.push(name.len() as u8);
        head.extend_from_slice(name.as_bytes());
        head.push(TEXT);
        head.extend_from_slice(&(value.len() as u16).to_be_bytes());
        head.extend_from_slice(value.as_bytes());
    }
    // Both lengths, both checksums.
    let total = 16 + head.len() + payload.len();
    let mut message = Vec::with_capacity(total);
    message.extend_from_slice(&(total as u32).to_be_bytes());
    message.extend_from_slice(&(head.len() as u32).to_be_bytes());
    message.extend_from_slice(&crc(&message).to_be_bytes());
    message.extend_from_slice(&head);
    message.extend_from_slice(payload);
    let checksum = match sound {
        true => crc(&message),
        false => !crc(&message),
    };
    message.extend_from_slice(&checksum.to_be_bytes());
    message
}

/// CRC-32 as IEEE 802.3 has it, bit by bit: what the gateway reads with must not be what this writes with.
fn crc(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = crc & 1;
            crc >>= 1;
            if carry == 1 {
                crc ^= 0xedb8_8320;
            }
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_the_usual_one() {
        assert_eq!(crc(b"123456789"), 0xcbf4_3926);
    }

    /// As botocore 1.44.5 reads it: `EventStreamBuffer` gives the headers and the payload back.
    #[test]
    fn a_message_has_its_bytes() {
        let message = message(&[(":message-type", "event")], b"{}", true);
        let hex: String = message.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "000000280000001660470efd0d3a6d6573736167652d747970650700056576656e747b7db7184afc"
        );
    }
}
