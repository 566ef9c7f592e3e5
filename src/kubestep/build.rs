//! Embeds our own sources that enter phases, so that the interface can show the line a phase stands on.

use std::{env, fmt::Write, fs, path::Path};

fn main() {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("set by cargo")).join("../..");
    let root = root.canonicalize().expect("the workspace exists");
    println!("cargo:rerun-if-changed={}", root.join("src").display());
    let mut files = Vec::new();
    collect(&root, &root.join("src"), &mut files);
    files.sort();
    let mut code = String::from(
        "/// Every source that enters a phase, by its path in the workspace.\nconst SOURCES: &[(&str, &str)] = &[\n",
    );
    for name in files {
        writeln!(code, "    ({name:?}, include_str!({:?})),", root.join(&name).display().to_string())
            .expect("a string");
    }
    code.push_str("];\n");
    let out = Path::new(&env::var("OUT_DIR").expect("set by cargo")).join("sources.rs");
    fs::write(out, code).expect("OUT_DIR can be written");
}

fn collect(root: &Path, dir: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && fs::read_to_string(&path).is_ok_and(|text| text.contains("Phase::"))
        {
            files.push(path.strip_prefix(root).expect("below root").display().to_string());
        }
    }
}
