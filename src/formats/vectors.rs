//! Vectors as text: floats of 32 bits, little-endian, in base64, as official OpenAI clients ask for them and Cohere has
//! them too. <https://platform.openai.com/docs/api-reference/embeddings/create>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The text of a vector.
pub fn write(vector: &[f64]) -> String {
    // What is lost beyond 32 bits nobody has asked for.
    let bytes: Vec<u8> = vector
        .iter()
        .flat_map(|number| (*number as f32).to_le_bytes())
        .collect();
    STANDARD.encode(bytes)
}

/// The vector of a text; `None`: it is not one.
pub fn read(text: &str) -> Option<Vec<f64>> {
    let bytes = STANDARD.decode(text).ok()?;
    let (numbers, rest) = bytes.as_chunks::<4>();
    rest.is_empty().then(|| {
        let numbers = numbers.iter().map(|four| f32::from_le_bytes(*four).into());
        numbers.collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn it_is_as_clients_read_it() {
        // `struct.pack("<2f", 1.0, -2.5)` in base64.
        assert_eq!(write(&[1.0, -2.5]), "AACAPwAAIMA=");
        assert_eq!(read("AACAPwAAIMA=").as_deref(), Some(&[1.0, -2.5][..]));
        for wrong in ["AACAPwAAIA==", "?"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn floats_of_32_bits_come_back(vector in proptest::collection::vec(-1.0_f32..1.0, 0..9)) {
            let wide: Vec<f64> = vector.iter().copied().map(f64::from).collect();
            prop_assert_eq!(read(&write(&wide)), Some(wide));
        }
    }
}
