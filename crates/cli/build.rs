//! Embeds the demo page, if it has been built, with a gzip form of each file that shrinks.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let page = root.join("../../apps/demo/dist");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed={}", page.display());
    let mut files = Vec::new();
    if page.join("index.html").is_file() {
        collect(&page, &mut files)?;
    }
    files.sort();
    let mut code = String::from("&[\n");
    for (index, file) in files.iter().enumerate() {
        let path = file.strip_prefix(&page)?.to_str().ok_or("a file name that is not UTF-8")?;
        let gzip = match compress(&fs::read(file)?)? {
            Some(gzip) => {
                let target = out.join(format!("{index}.gz"));
                fs::write(&target, gzip)?;
                format!("Some(include_bytes!({target:?}))")
            }
            None => String::from("None"),
        };
        let (path, file) = (path.replace('\\', "/"), file.canonicalize()?);
        writeln!(
            code,
            "Asset {{ path: {path:?}, bytes: include_bytes!({file:?}), gzip: {gzip} }},"
        )?;
    }
    code.push_str("]\n");
    fs::write(out.join("assets.rs"), code)?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// The compressed form, if it saves a tenth: images and fonts are compressed already.
fn compress(bytes: &[u8]) -> Result<Option<Vec<u8>>, Box<dyn Error>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    let gzip = encoder.finish()?;
    Ok((gzip.len() * 10 < bytes.len() * 9).then_some(gzip))
}
