// The one interface between a source of documents and the rest: read the next one, or nothing.
#pragma once

#include <optional>
#include <string>

#include "data/document.h"

namespace anneal {

/// Documents in a fixed order that depends on the source's options and seed only.
class DocumentReader {
 public:
  virtual ~DocumentReader() = default;
  /// The next document, or nothing at the end. Throws DataError (file:line) on what cannot be read.
  virtual std::optional<Document> next() = 0;
  /// What was left out and why, to be shown after the end ("" = nothing was).
  virtual std::string note() const { return {}; }
};

}  // namespace anneal
