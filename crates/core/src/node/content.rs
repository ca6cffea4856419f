//! What a message holds, as its receiver will see it.

use alloc::string::String;

/// The kind of a message's content. The bytes travel beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing: an answer without a value.
    Nothing,
    /// UTF-8 text.
    Text,
    /// JSON text.
    Json,
    /// Bytes.
    Bytes,
    /// Bytes with a media type.
    Blob {
        /// As in `Blob.type`.
        media_type: String,
    },
    /// Bytes with a name and a media type.
    File {
        /// As in `File.name`. Data, never a path to open.
        name: String,
        /// As in `File.type`.
        media_type: String,
    },
}
