// Records as documents: a field of JSONL objects (`kind: jsonl`) or a column of a CSV (`kind: csv`).
#pragma once

#include <memory>
#include <string>

#include "data/document_reader.h"
#include "recipes/schema.h"

namespace anneal {

/// One document a line: the text at `options.field`, a path such as `text`, `meta.abstract`,
/// `messages[0].content`. Blank lines are skipped. Throws DataError as open_source says.
std::unique_ptr<DocumentReader> open_jsonl_source(const std::string& name, const SourceOptions& options);

/// One document a row: the text in `options.column`. Throws DataError as open_source says.
std::unique_ptr<DocumentReader> open_csv_source(const std::string& name, const SourceOptions& options);

}  // namespace anneal
