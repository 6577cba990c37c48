#include "data/source.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "data/chat_format.h"
#include "data/crystal_source.h"
#include "data/record_source.h"
#include "data/text_source.h"

namespace anneal {

std::unique_ptr<DocumentReader> open_source(const std::string& name, const SourceOptions& options,
                                            std::uint64_t seed) {
  if (options.kind == "text") return open_text_source(name, options);
  if (options.kind == "jsonl") return open_jsonl_source(name, options);
  if (options.kind == "chat") return open_chat_source(name, options, seed);
  if (options.kind == "csv") return open_csv_source(name, options);
  if (options.kind.starts_with("crystal")) return open_crystal_source(name, options, seed);
  throw UsageError(fmt::format("source '{}': kind '{}' is unknown", name, options.kind),
                   "kinds are text, jsonl, csv, crystals, chat, crystal_tasks, crystal_prompts");
}

std::vector<std::filesystem::path> source_files(const std::string& name, const SourceOptions& options) {
  std::vector<std::filesystem::path> files;
  std::set<std::filesystem::path> seen;
  for (const auto pattern : split(options.path, ';')) {
    if (trim(pattern).empty()) continue;
    const auto matches = expand_paths(std::string(trim(pattern)));
    if (matches.empty()) {
      throw DataError(fmt::format("source '{}': no file matches {}", name, trim(pattern)),
                      fmt::format("check data.sources.{}.path; relative paths start at the folder the "
                                  "command is called from", name));
    }
    for (const auto& file : matches) {
      if (seen.insert(file).second) files.push_back(file);
    }
  }
  if (files.empty()) {
    throw DataError(fmt::format("source '{}' names no file: path is '{}'", name, options.path),
                    fmt::format("set data.sources.{}.path", name));
  }
  return files;
}

void require_text(std::string_view text, const std::string& where, std::int64_t offset) {
  const auto place = [&](std::size_t at) {
    return offset < 0 ? fmt::format("byte {} of the field", at)
                      : fmt::format("byte {} of the file", offset + static_cast<std::int64_t>(at));
  };
  if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
    throw DataError(fmt::format("{}: this is a binary file: {} is NUL", where, place(nul)),
                    "point the source at text (UTF-8), or narrow its pattern, for example *.txt");
  }
  if (const auto bad = first_invalid_utf8(text)) {
    throw DataError(fmt::format("{}: invalid UTF-8: byte 0x{:02X} at {}", where,
                                static_cast<unsigned char>(text[*bad]), place(*bad)),
                    "convert the file, for example: iconv -f latin1 -t utf8 IN > OUT");
  }
}

}  // namespace anneal
