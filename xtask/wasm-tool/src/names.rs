//! Short names for what crosses between the module and its JavaScript.
//!
//! wasm-bindgen names what crosses with hashes, which change with every build and do not compress.
//! `packages/meshlace/src/module.ts` calls the functions of the module by the names made here.

use walrus::Module;

/// Old names and new ones, in the order of the module.
#[derive(Default)]
pub(crate) struct Names {
    imports: Vec<(String, String)>,
    exports: Vec<(String, String)>,
}

/// Renames all imports and exports but the memory.
pub(crate) fn shorten(module: &mut Module) -> Names {
    let mut names = Names::default();
    for import in module.imports.iter_mut() {
        let short = readable(&import.name, &names.imports);
        names.imports.push((std::mem::replace(&mut import.name, short.clone()), short));
    }
    for export in module.exports.iter_mut().filter(|export| export.name != "memory") {
        let short = readable(&export.name, &names.exports);
        names.exports.push((std::mem::replace(&mut export.name, short.clone()), short));
    }
    names
}

impl Names {
    /// The same JavaScript with the new names.
    ///
    /// # Errors
    /// An import that the JavaScript does not define.
    pub(crate) fn rewrite(&self, script: &str) -> Result<String, String> {
        let mut script = script.to_string();
        for (old, new) in &self.imports {
            let (entry, short) = (format!("\n        {old}: "), format!("\n        {new}: "));
            if !script.contains(&entry) {
                return Err(format!("the JavaScript defines no import '{old}'"));
            }
            script = script.replace(&entry, &short);
        }
        for (old, new) in &self.exports {
            script = replace_word(&script, &format!("wasm.{old}"), &format!("wasm.{new}"));
        }
        Ok(script)
    }
}

/// Replaces `old` where no longer name begins with it.
fn replace_word(script: &str, old: &str, new: &str) -> String {
    let mut parts = script.split(old);
    let mut text = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let goes_on = part.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_');
        text.push_str(if goes_on { old } else { new });
        text.push_str(part);
    }
    text
}

/// The name as Rust has it, without the prefix and the hash of wasm-bindgen; as it is if another has
/// that.
fn readable(name: &str, taken: &[(String, String)]) -> String {
    let start = ["__wbindgen_", "__wbg_"].into_iter().find_map(|prefix| name.strip_prefix(prefix));
    let bare = start.unwrap_or(name);
    let bare = bare.strip_prefix("__wbindgen_").unwrap_or(bare);
    let short = match bare.rsplit_once('_') {
        Some((start, hash)) if is_hash(hash) => start,
        _ => bare,
    };
    let is_taken = taken.iter().any(|(_, other)| other == short);
    String::from(if is_taken || short == "memory" { name } else { short })
}

fn is_hash(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_wasm_bindgen_adds() {
        let names = [
            ("core_call_a14219399f0ca310", "core_call"),
            ("__wbg_core_free_a14219399f0ca310", "core_free"),
            ("__wbg___wbindgen_throw_4c88d8bf264fd984", "throw"),
            ("__wbindgen_malloc", "malloc"),
            ("core_call", "core_call"),
        ];
        for (name, short) in names {
            assert_eq!(readable(name, &[]), short);
        }
        let taken = [(String::from("free"), String::from("free"))];
        assert_eq!(readable("__wbindgen_free", &taken), "__wbindgen_free");
        assert_eq!(
            readable("__wbg_memory_0000000000000000", &taken),
            "__wbg_memory_0000000000000000"
        );
    }

    #[test]
    fn only_whole_names_are_replaced() {
        let names = Names {
            imports: vec![("__wbg_x_1".into(), "a".into())],
            exports: vec![("send".into(), "b".into()), ("sendAll".into(), "c".into())],
        };
        let script = "\n        __wbg_x_1: f, wasm.send(wasm.sendAll)";
        assert_eq!(names.rewrite(script).as_deref(), Ok("\n        a: f, wasm.b(wasm.c)"));
        assert!(names.rewrite("nothing").is_err());
    }
}
