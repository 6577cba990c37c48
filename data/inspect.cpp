#include "data/inspect.h"

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "data/prepare.h"
#include "data/token_manifest.h"
#include "data/token_shard.h"
#include "data/token_stream.h"
#include "data/tokenizer.h"

namespace anneal {
namespace fs = std::filesystem;

namespace {

/// Line feeds, other control characters and bytes that form no character (a piece may end within one)
/// made visible.
std::string visible(std::string_view text) {
  std::string out;
  auto bad = first_invalid_utf8(text);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool invalid = bad && i == *bad;
    if (invalid) {
      bad = first_invalid_utf8(text.substr(i + 1));
      if (bad) *bad += i + 1;
    }
    if (c == '\n') out += "\\n";
    else if (c == '\t') out += "\\t";
    else if (invalid || static_cast<unsigned char>(c) < 0x20) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else out.push_back(c);
  }
  return out;
}

/// Columns [begin, end) of a row: text, with the tokens that are no targets in [[ ]]. A token is a
/// target if the column before it (of the same document) has it as one; the first one never is.
std::string marked_text(const TokenBatch& batch, std::int64_t begin, std::int64_t end, const Tokenizer& tokenizer) {
  std::string text;
  std::vector<TokenId> run;
  bool run_loss = true;
  const auto flush = [&] {
    if (run.empty()) return;
    std::string part;
    for (const TokenId id : run) {
      part += id == tokenizer.eos_id() ? "</s>" : id == tokenizer.bos_id() ? "<s>" : tokenizer.piece_bytes(id);
    }
    part = visible(part);
    text += run_loss ? part : "[[" + part + "]]";
    run.clear();
  };
  for (std::int64_t i = begin; i < end; ++i) {
    const bool loss = i > begin ? batch.targets[static_cast<std::size_t>(i - 1)] != kNoTarget
                                : batch.targets[static_cast<std::size_t>(i)] != kNoTarget;
    if (loss != run_loss) flush();
    run_loss = loss;
    run.push_back(batch.tokens[static_cast<std::size_t>(i)]);
  }
  flush();
  return text;
}

}  // namespace

bool is_shard_folder(const fs::path& path) {
  std::error_code ignored;
  if (!fs::exists(path / "manifest.json", ignored)) return false;
  return read_file(path / "manifest.json").find("\"anneal-token-shards\"") != std::string::npos;
}

std::string describe_shards(const fs::path& folder, bool verify) {
  const TokenManifest manifest = load_manifest(folder);
  std::string text = fmt::format("token shards in {}\nvocabulary {} pieces, tokenizer {}, seed {}\n\n{}\n\n",
                                 folder.string(), with_commas(manifest.vocab_size), manifest.tokenizer, manifest.seed,
                                 describe_sources(manifest));
  for (const auto& file : manifest.files) {
    if (verify) verify_shard(folder, file);
    text += fmt::format("{:<28} {:<14} {:>12} tokens {:>9} documents {:>10}  {}{}\n", file.name, file.split,
                        with_commas(file.tokens), with_commas(file.documents),
                        human_bytes(static_cast<double>(file.bytes)), file.fingerprint, verify ? "  verified" : "");
  }
  return text;
}

std::string describe_batch(const fs::path& folder, std::uint64_t number, const BatchChoice& choice) {
  const TokenStream stream(folder, choice.split, choice.sequence_length, choice.isolate_documents, choice.seed);
  const Tokenizer tokenizer = Tokenizer::load(folder);
  const TokenBatch batch = stream.rows(number * static_cast<std::uint64_t>(choice.rows), choice.rows);
  std::string text = fmt::format("batch {} of split {}: {} rows of {} tokens, {} targets\n", number, choice.split,
                                 batch.rows, batch.length, with_commas(batch.num_targets));
  for (std::int64_t row = 0; row < batch.rows; ++row) {
    text += fmt::format("\nrow {} (row {} of the shards)\n", row, batch.row_ids[static_cast<std::size_t>(row)]);
    const std::int64_t first = row * batch.length;
    for (std::int64_t begin = 0; begin < batch.length;) {
      const auto document = batch.documents[static_cast<std::size_t>(first + begin)];
      std::int64_t end = begin, targets = 0;
      for (; end < batch.length && batch.documents[static_cast<std::size_t>(first + end)] == document; ++end) {
        targets += batch.targets[static_cast<std::size_t>(first + end)] != kNoTarget;
      }
      if (document < 0) {
        text += fmt::format("  padding     columns {}..{}\n", begin, end - 1);
      } else {
        text += fmt::format("  document {:<3}columns {}..{}, {} tokens, {} targets\n    {}\n", document, begin, end - 1,
                            end - begin, targets, marked_text(batch, first + begin, first + end, tokenizer));
      }
      begin = end;
    }
  }
  return text;
}

}  // namespace anneal
