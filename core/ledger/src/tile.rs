//! The log as static files (C2SP tlog-tiles).
//!
//! In scope: the paths of tiles and bundles, the bundle's form, and any root or proof from tiles alone. Out of scope:
//! fetching, pruning, compression. Ours is `tile/bodies/`, with the paths and the form of `tile/entries/`: the log's
//! entries are statement ids, the bodies are the statements.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::Hash;
use crate::tree::{consistency_path, inclusion_path, node_hash, range_root};

/// Hashes in a full tile, and entries in a full bundle.
pub const TILE_WIDTH: u16 = 256;
/// Levels of the tree that one level of tiles spans.
const TILE_HEIGHT: u32 = 8;
/// The highest level in the grammar.
const MAX_LEVEL: u8 = 63;

/// Why bytes or text are not part of a tiled log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// Not a path of a tile or bundle.
    #[error("not a path of a tile or bundle")]
    Path,
    /// The bytes do not have the length that the path requires.
    #[error("the tile is not as wide as its path says")]
    Width,
    /// A bundle ends within an entry, or holds another number of entries than its path says.
    #[error("the bundle does not hold the entries that its path says")]
    Bundle,
    /// An entry is too long for a bundle.
    #[error("an entry is longer than 65535 bytes")]
    EntryTooLong,
}

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// Hashes of this level: each is the root over 256^level entries.
    Hashes(u8),
    /// The log's entries.
    Entries,
    /// The statements whose ids are the entries.
    Bodies,
}

/// The path of a tile or bundle, such as `tile/0/x001/067.p/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilePath {
    kind: TileKind,
    index: u64,
    width: u16,
}

impl TilePath {
    /// The path of tile number `index` in a log of `size` entries, full or partial; `None` if the tile is empty.
    pub fn at_size(kind: TileKind, index: u64, size: u64) -> Option<Self> {
        let level = if let TileKind::Hashes(level) = kind { level } else { 0 };
        let hashes = size.checked_shr(TILE_HEIGHT * u32::from(level)).unwrap_or(0);
        let start = index.checked_mul(u64::from(TILE_WIDTH))?;
        let width = hashes.checked_sub(start).filter(|&width| width > 0)?;
        Some(Self {
            kind,
            index,
            width: width.try_into().map_or(TILE_WIDTH, |width: u16| width.min(TILE_WIDTH)),
        })
    }

    /// What the path leads to.
    pub fn kind(&self) -> TileKind {
        self.kind
    }

    /// Number of the tile within its level.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Number of hashes or entries: from 1 to [`TILE_WIDTH`].
    pub fn width(&self) -> u16 {
        self.width
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes(level) => write!(f, "tile/{level}")?,
            TileKind::Entries => f.write_str("tile/entries")?,
            TileKind::Bodies => f.write_str("tile/bodies")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for (i, group) in groups.iter().enumerate().rev() {
            write!(f, "/{}{group:03}", if i > 0 { "x" } else { "" })?;
        }
        if self.width < TILE_WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl FromStr for TilePath {
    type Err = TileError;

    fn from_str(text: &str) -> Result<Self, TileError> {
        let (kind, rest) =
            text.strip_prefix("tile/").and_then(|rest| rest.split_once('/')).ok_or(TileError::Path)?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            "bodies" => TileKind::Bodies,
            level => TileKind::Hashes(level.parse().ok().filter(|&l| l <= MAX_LEVEL).ok_or(TileError::Path)?),
        };
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, width.parse().map_err(|_| TileError::Path)?),
            None => (rest, TILE_WIDTH),
        };
        let path = Self { kind, index: parse_index(index)?, width };
        // Printing is canonical, so leading zeros, signs, missing and spare `x` all show here.
        if width > 0 && path.to_string() == text { Ok(path) } else { Err(TileError::Path) }
    }
}

fn parse_index(text: &str) -> Result<u64, TileError> {
    text.split('/').try_fold(0u64, |index, group| {
        let group: u16 = group.trim_start_matches('x').parse().map_err(|_| TileError::Path)?;
        let index = index.checked_mul(1000).ok_or(TileError::Path)?;
        index.checked_add(u64::from(group)).ok_or(TileError::Path)
    })
}

/// Writes a bundle: each entry after its length in two bytes, big-endian.
pub fn write_bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, TileError> {
    let mut bundle = Vec::new();
    for entry in entries {
        let len = u16::try_from(entry.len()).map_err(|_| TileError::EntryTooLong)?;
        bundle.extend_from_slice(&len.to_be_bytes());
        bundle.extend_from_slice(entry);
    }
    Ok(bundle)
}

/// Reads the bundle at `path`. The entries are not verified: hash them and compare with the log.
pub fn read_bundle<'a>(path: &TilePath, bundle: &'a [u8]) -> Result<Vec<&'a [u8]>, TileError> {
    let mut entries = Vec::new();
    let mut rest = bundle;
    while let Some((len, tail)) = rest.split_first_chunk() {
        let (entry, tail) =
            tail.split_at_checked(u16::from_be_bytes(*len).into()).ok_or(TileError::Bundle)?;
        entries.push(entry);
        rest = tail;
    }
    let complete = rest.is_empty() && entries.len() == usize::from(path.width);
    if complete && !matches!(path.kind, TileKind::Hashes(_)) { Ok(entries) } else { Err(TileError::Bundle) }
}

/// Tiles of one log, and what can be computed from them. The tiles are not verified: check each result against a
/// trusted checkpoint, as a root or by verifying the proof.
#[derive(Clone, Debug, Default)]
pub struct Tiles {
    tiles: BTreeMap<(u8, u64), Vec<Hash>>,
}

impl Tiles {
    /// No tiles.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the tile at `path`. Of several partial tiles the widest is kept.
    pub fn insert(&mut self, path: &TilePath, tile: &[u8]) -> Result<(), TileError> {
        let TileKind::Hashes(level) = path.kind else { return Err(TileError::Width) };
        let (hashes, rest) = tile.as_chunks();
        if hashes.len() != usize::from(path.width) || !rest.is_empty() {
            return Err(TileError::Width);
        }
        let held = self.tiles.entry((level, path.index)).or_default();
        if held.len() < hashes.len() {
            *held = hashes.iter().copied().map(Hash).collect();
        }
        Ok(())
    }

    /// The root over the first `size` entries; `None` if tiles are missing.
    pub fn root_at(&self, size: u64) -> Option<Hash> {
        range_root(&|level, index| self.subtree(level, index), 0, size)
    }

    /// The path from entry `index` to the root over the first `size` entries, as by [`crate::Tree::inclusion`].
    pub fn inclusion(&self, index: u64, size: u64) -> Option<Vec<Hash>> {
        inclusion_path(&|level, index| self.subtree(level, index), index, size)
    }

    /// The proof that the first `old` of the first `new` entries are the older tree, as by
    /// [`crate::Tree::consistency`].
    pub fn consistency(&self, old: u64, new: u64) -> Option<Vec<Hash>> {
        consistency_path(&|level, index| self.subtree(level, index), old, new)
    }

    /// The hash of the complete subtree number `index` of 2^`level` entries: of up to 128 neighbours in one tile.
    fn subtree(&self, level: u32, index: u64) -> Option<Hash> {
        let (tile_level, height) = (level / TILE_HEIGHT, level % TILE_HEIGHT);
        let start = index << height;
        let tile = self.tiles.get(&(tile_level.try_into().ok()?, start / u64::from(TILE_WIDTH)))?;
        let start = usize::try_from(start % u64::from(TILE_WIDTH)).ok()?;
        let mut hashes = tile.get(start..start + (1 << height))?.to_vec();
        while hashes.len() > 1 {
            hashes = hashes.as_chunks().0.iter().map(|&[left, right]| node_hash(left, right)).collect();
        }
        hashes.first().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Tree, leaf_hash};

    fn path(text: &str) -> Result<TilePath, TileError> {
        text.parse()
    }

    #[test]
    fn paths_are_written_as_they_are_read() {
        for text in [
            "tile/0/000",
            "tile/63/x001/x234/067",
            "tile/0/x018/x446/x744/x073/x709/x551/615.p/255",
            "tile/entries/999.p/1",
            "tile/bodies/x001/000",
        ] {
            assert_eq!(path(text).map(|path| path.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(
            path("tile/2/x001/x234/067.p/9").map(|p| (p.kind, p.index, p.width)),
            Ok((TileKind::Hashes(2), 1_234_067, 9))
        );
    }

    #[test]
    fn nothing_else_is_a_path() {
        for text in [
            "",
            "tile",
            "tile/",
            "tile/0",
            "tile/0/",
            "tile/0/0",
            "tile/0/00",
            "tile/0/0000",
            "tile/00/000",
            "tile/+1/000",
            "tile/64/000",
            "tile/-1/000",
            "tile/data/000",
            "/tile/0/000",
            "tile/0/000/",
            "tile/0/x000/001",
            "tile/0/001/001",
            "tile/0/x001",
            "tile/0/xx01/001",
            "tile/0/x001/x001",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/",
            "tile/0/000.p",
            "tile/0/000.p/1.p/1",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
            "tile/0/1000",
            "tile/0/+01",
        ] {
            assert_eq!(path(text), Err(TileError::Path), "{text}");
        }
    }

    /// The standard's own example of 70,000 entries.
    #[test]
    fn a_size_determines_which_tiles_there_are() {
        let width =
            |level, index| TilePath::at_size(TileKind::Hashes(level), index, 70_000).map(|path| path.width());
        assert_eq!((width(0, 272), width(0, 273), width(0, 274)), (Some(256), Some(112), None));
        assert_eq!((width(1, 0), width(1, 1), width(1, 2)), (Some(256), Some(17), None));
        assert_eq!((width(2, 0), width(2, 1), width(3, 0), width(63, 0)), (Some(1), None, None, None));
        assert_eq!(
            TilePath::at_size(TileKind::Bodies, 273, 70_000).unwrap().to_string(),
            "tile/bodies/273.p/112"
        );
        assert_eq!(TilePath::at_size(TileKind::Entries, u64::MAX, u64::MAX), None);
    }

    #[test]
    fn a_bundle_holds_what_its_path_says() {
        let bundle = write_bundle([&b"one"[..], b"", b"three"]).unwrap();
        assert_eq!(bundle, b"\0\x03one\0\0\0\x05three");
        let read =
            |text: &str, bytes| read_bundle(&path(text).unwrap(), bytes).map(|entries| entries.concat());
        assert_eq!(read("tile/entries/000.p/3", &bundle), Ok(b"onethree".to_vec()));
        assert_eq!(read("tile/bodies/000.p/3", &bundle), Ok(b"onethree".to_vec()));
        assert_eq!(read("tile/entries/000.p/2", &bundle), Err(TileError::Bundle));
        assert_eq!(read("tile/entries/000", &bundle), Err(TileError::Bundle));
        assert_eq!(read("tile/0/000.p/3", &bundle), Err(TileError::Bundle));
        assert_eq!(read("tile/entries/000.p/3", &bundle[..12]), Err(TileError::Bundle));
        assert_eq!(read("tile/entries/000.p/3", &[&bundle[..], &[0]].concat()), Err(TileError::Bundle));
        assert!(write_bundle([&vec![0; 65_535][..]]).is_ok());
        assert_eq!(write_bundle([&vec![0; 65_536][..]]), Err(TileError::EntryTooLong));
    }

    #[test]
    fn tiles_prove_what_the_tree_proves() {
        let (mut tree, mut tiles, size) = (Tree::new(), Tiles::new(), 66_000u64);
        for i in 0..size {
            tree.push(leaf_hash(&i.to_be_bytes()));
        }
        for level in 0..3 {
            let row = tree.complete_subtrees(TILE_HEIGHT * u32::from(level));
            for (index, hashes) in (0..).zip(row.chunks(256)) {
                let path = TilePath::at_size(TileKind::Hashes(level), index, size).unwrap();
                let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
                assert_eq!(tiles.insert(&path, &bytes[1..]), Err(TileError::Width));
                tiles.insert(&path, &bytes).unwrap();
            }
        }
        for size in [0, 1, 255, 256, 257, 40_000, 65_535, 65_536, 66_000] {
            assert_eq!(tiles.root_at(size), tree.root_at(size));
            assert_eq!(tiles.consistency(size, 66_000), tree.consistency(size, 66_000));
            assert_eq!(tiles.inclusion(size / 2, size), tree.inclusion(size / 2, size));
        }
        assert_eq!(tiles.root_at(66_001), None);
        assert_eq!(tiles.root_at(u64::MAX), None);
    }

    #[test]
    fn a_narrower_tile_does_not_replace_a_wider_one() {
        let mut tiles = Tiles::new();
        tiles.insert(&path("tile/0/000.p/2").unwrap(), &[1; 64]).unwrap();
        tiles.insert(&path("tile/0/000.p/1").unwrap(), &[2; 32]).unwrap();
        assert_eq!(tiles.root_at(2), Some(node_hash(Hash([1; 32]), Hash([1; 32]))));
        assert_eq!(tiles.insert(&path("tile/entries/000.p/1").unwrap(), &[2; 32]), Err(TileError::Width));
    }
}
