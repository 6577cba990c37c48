// The quick start's own data, written from the built-in facts: documents, crystals, general English
// and questions. A folder is whole if it holds corpus.json, which is written last.
#pragma once

#include <filesystem>

#include "base/log.h"
#include "recipes/schema.h"

namespace anneal {

/// Writes into `folder` (see docs/formats.md):
///   materials.txt          a document a line, `corpus.documents` of them
///   general.txt            a sense of a word a line, about 400,000 words of WordNet
///   crystals_train.csv     training crystals of at most `corpus.max_sites` sites, with P 1 CIFs
///   crystals_heldout.csv   held-out ones of the same sizes
///   chat_materials.jsonl   `corpus.questions` records {system, question, answer}
///   chat_general.jsonl     as many
///   corpus.json            what was written, with counts and fingerprints
/// Everything is a pure function of the recipe's corpus section, its seed and the facts. Throws
/// DataError for missing facts and a full disk.
void write_corpus(const Recipe& recipe, const std::filesystem::path& folder, const Log& log);

/// True if the folder holds a whole corpus: its manifest, and every file with its fingerprint.
bool corpus_is_whole(const std::filesystem::path& folder);

}  // namespace anneal
