// Plain text as documents (source kind `text`).
// `document: auto` chooses for each file, from its first 256 KiB:
//   articles    a heading "= Title =" among the first five lines (WikiText): one article a document
//   lines       lines of 200 bytes or more on average, or short lines of which most end a sentence:
//               one line a document
//   paragraphs  short lines with blank lines between groups of them: paragraphs, gathered to at
//               least 4 KiB a document
//   passages    short lines, no blank lines (wrapped prose): consecutive lines, at least 16 KiB
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/document_reader.h"
#include "recipes/schema.h"

namespace anneal {

/// How a text file falls into documents.
enum class TextLayout { kLines, kFile, kParagraphs, kGatheredParagraphs, kPassages, kArticles };

/// The rule of `auto` above, on the beginning of a file.
TextLayout guess_layout(std::string_view beginning);

/// Reader of text files. Throws DataError as open_source says.
std::unique_ptr<DocumentReader> open_text_source(const std::string& name, const SourceOptions& options);

}  // namespace anneal
