//! The page and what belongs to it, from memory.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

/// One file of the page.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Its path below `/`, such as `assets/index-4f1c.js`.
    pub path: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
    /// Its content compressed with gzip, where that is worth it.
    pub gzip: Option<&'static [u8]>,
}

/// All files of the page, by path.
#[derive(Debug)]
pub(crate) struct Pages {
    entries: HashMap<&'static str, Entry>,
}

#[derive(Debug)]
struct Entry {
    asset: Asset,
    etag: String,
}

impl Pages {
    pub(crate) fn new(assets: &'static [Asset]) -> Self {
        let entry = |asset: &Asset| {
            let mut hasher = DefaultHasher::new();
            asset.bytes.hash(&mut hasher);
            let etag = format!("\"{:016x}\"", hasher.finish());
            (asset.path, Entry { asset: *asset, etag })
        };
        Self { entries: assets.iter().map(entry).collect() }
    }
}

/// Answers with a file, or `404`. The page keeps its state in the fragment, so no other path leads
/// to it.
pub(crate) async fn answer(
    State(pages): State<Arc<Pages>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let path = match uri.path().trim_start_matches('/') {
        "" => "index.html",
        path => path,
    };
    let Some(Entry { asset, etag }) = pages.entries.get(path) else {
        return (StatusCode::NOT_FOUND, "there is nothing here\n").into_response();
    };
    // Bundlers put a hash of the content into the names below `assets/`; all else may change.
    let caching = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let common = [
        (ETAG, etag.as_str()),
        (CACHE_CONTROL, caching),
        (CONTENT_TYPE, content_type(path)),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (VARY, "accept-encoding"),
    ];
    if holds(&headers, IF_NONE_MATCH.as_str(), etag) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    match asset.gzip {
        Some(gzip) if holds(&headers, ACCEPT_ENCODING.as_str(), "gzip") => {
            (common, [(CONTENT_ENCODING, "gzip")], Body::from(Bytes::from_static(gzip)))
                .into_response()
        }
        _ => (common, Body::from(Bytes::from_static(asset.bytes))).into_response(),
    }
}

/// Whether one of the comma-separated values of a header is `value`, weak or with parameters.
fn holds(headers: &HeaderMap, name: &str, value: &str) -> bool {
    let texts = headers.get_all(name).iter().filter_map(|text| text.to_str().ok());
    texts.flat_map(|text| text.split(',')).any(|part| {
        let mut part = part.split(';');
        let name = part.next().unwrap_or("").trim().trim_start_matches("W/");
        name == value && !part.any(|weight| weight.trim() == "q=0")
    })
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("webp") => "image/webp",
        Some("ico") => "image/x-icon",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lists_of_values() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, "br, gzip;q=0.8".parse().expect("a value"));
        assert!(holds(&headers, "accept-encoding", "gzip"));
        headers.insert(ACCEPT_ENCODING, "br, gzip;q=0".parse().expect("a value"));
        assert!(!holds(&headers, "accept-encoding", "gzip"));
        headers.insert(IF_NONE_MATCH, "W/\"a\", \"b\"".parse().expect("a value"));
        assert!(
            holds(&headers, "if-none-match", "\"a\"") && holds(&headers, "if-none-match", "\"b\"")
        );
    }

    #[test]
    fn wasm_has_the_type_browsers_compile_while_loading() {
        assert_eq!(content_type("assets/core.wasm"), "application/wasm");
        assert_eq!(content_type("LICENSE"), "application/octet-stream");
    }
}
