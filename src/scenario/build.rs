//! Embeds `scenarios/` into the program, so that a lesson needs no file beside it.

use std::{env, fmt::Write, fs, path::Path};

fn main() {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("set by cargo")).join("../../scenarios");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(&root, &root, &mut files);
    files.sort();
    let mut code =
        String::from("/// Every file of `scenarios/` by its path there.\nconst EMBEDDED: &[(&str, &str)] = &[\n");
    for name in files {
        let path = root.join(&name).canonicalize().expect("it was just listed");
        writeln!(code, "    ({name:?}, include_str!({:?})),", path.display().to_string()).expect("writing to a string");
    }
    code.push_str("];\n");
    let out = Path::new(&env::var("OUT_DIR").expect("set by cargo")).join("library.rs");
    fs::write(out, code).expect("OUT_DIR can be written");
}

fn collect(root: &Path, dir: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path.strip_prefix(root).expect("below root").display().to_string());
        }
    }
}
