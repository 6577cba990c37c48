// Sources: files of a recipe become a stream of documents. A reader holds one document at a time.
// Kinds: text, jsonl, csv (here); chat (chat_format.h); crystals, crystal_tasks, crystal_prompts
// (crystal_source.h). Files may be plain, .gz or .zst; several patterns are separated by ';'.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/document_reader.h"
#include "recipes/schema.h"

namespace anneal {

/// Opens a source of any kind. `name` is used in messages; `seed` drives what is random in it
/// (crystal translations, infill). Empty documents are left out and counted in note(). Throws
/// DataError if no file matches; reading throws it with file:line for invalid UTF-8, a missing field
/// or column, a damaged file, and at the end if there was no document at all.
std::unique_ptr<DocumentReader> open_source(const std::string& name, const SourceOptions& options,
                                            std::uint64_t seed);

/// The files of `options.path`: patterns separated by ';', each expanded, without duplicates.
/// Throws DataError naming the pattern that matches nothing.
std::vector<std::filesystem::path> source_files(const std::string& name,
                                                const SourceOptions& options);

/// Throws DataError "<where>: ..." if `text` is not UTF-8 or holds a NUL (a binary file). `offset`
/// is the place of its first byte in the (unpacked) file, -1 if unknown.
void require_text(std::string_view text, const std::string& where, std::int64_t offset);

}  // namespace anneal
