#include "data/token_stream.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "base/error.h"
#include "base/fingerprint.h"
#include "base/random.h"
#include "base/text.h"
#include "data/packing.h"
#include "data/token_manifest.h"
#include "data/token_shard.h"

namespace anneal {
namespace fs = std::filesystem;

namespace {
// files up to this size in all are compared with their fingerprints at the start (about 0.1 s)
constexpr std::int64_t kVerifiedBytes = std::int64_t{512} << 20;

/// Whether one of the first `length` tokens of a document has a target.
bool has_target(const TokenShard& shard, std::uint64_t document, std::int64_t length) {
  const std::uint64_t first = shard.offsets()[document], end = shard.offsets()[document + 1];
  for (std::uint64_t i = first + 1; i < end && i <= first + static_cast<std::uint64_t>(length); ++i) {
    if (shard.loss(i)) return true;
  }
  return false;
}
}  // namespace

struct TokenStream::State {
  fs::path folder;
  TokenManifest manifest;
  std::string split, fingerprint;
  std::int64_t length = 0;
  bool isolate = true;
  bool synthetic = false;
  std::uint64_t seed = 0;

  /// A shard, opened when first used.
  struct Part {
    ShardFile file;
    std::uint64_t first_token = 0, first_document = 0;
    mutable std::unique_ptr<TokenShard> shard;
  };
  std::vector<Part> parts;
  std::uint64_t num_tokens = 0, num_documents = 0, num_rows = 0;
  std::unique_ptr<PackedRows> packed;  // only where some document must stay whole
  std::int64_t num_dropped = 0;        // instructions whose answer begins behind the end of a row

  mutable std::mutex mutex;
  mutable std::map<std::uint64_t, std::shared_ptr<const std::vector<std::uint64_t>>> orders;  // by epoch

  const TokenShard& shard(const Part& part) const {
    const std::lock_guard lock(mutex);
    if (!part.shard) part.shard = std::make_unique<TokenShard>(folder, part.file, manifest.vocab_size);
    return *part.shard;
  }
  const Part& part_of_document(std::uint64_t document) const {
    return *(std::upper_bound(parts.begin(), parts.end(), document,
                              [](std::uint64_t d, const Part& p) { return d < p.first_document; }) - 1);
  }
  const Part& part_of_token(std::uint64_t token) const {
    return *(std::upper_bound(parts.begin(), parts.end(), token,
                              [](std::uint64_t t, const Part& p) { return t < p.first_token; }) - 1);
  }
  std::shared_ptr<const std::vector<std::uint64_t>> order(std::uint64_t epoch) const {
    const std::lock_guard lock(mutex);
    auto& entry = orders[epoch];
    if (!entry) {
      entry = std::make_shared<const std::vector<std::uint64_t>>(
          permutation(num_rows, derive_key({seed, name_key("row order"), epoch})));
      if (orders.size() > 2) orders.erase(orders.begin()->first == epoch ? std::prev(orders.end()) : orders.begin());
    }
    return entry;
  }

  std::vector<RowPiece> pieces(std::uint64_t row) const;
  void fill(TokenBatch& batch, std::int64_t at, std::uint64_t row) const;
  void fill_synthetic(TokenBatch& batch, std::int64_t at, std::uint64_t row) const;
};

/// Pieces of a row: from the packing, or by arithmetic where documents simply follow one another.
std::vector<RowPiece> TokenStream::State::pieces(std::uint64_t row) const {
  if (packed) {
    const auto found = packed->row(row);
    return {found.begin(), found.end()};
  }
  std::vector<RowPiece> result;
  const std::uint64_t end = std::min(num_tokens, (row + 1) * static_cast<std::uint64_t>(length));
  for (std::uint64_t at = row * static_cast<std::uint64_t>(length); at < end;) {
    const Part& part = part_of_token(at);
    const auto offsets = shard(part).offsets();
    const std::uint64_t local = at - part.first_token;
    const auto after = std::upper_bound(offsets.begin(), offsets.end(), local);
    const auto document = static_cast<std::uint64_t>(after - offsets.begin()) - 1;
    const std::uint64_t stop = std::min(end, part.first_token + *after);
    result.push_back({part.first_document + document, static_cast<std::int64_t>(local - offsets[document]),
                      static_cast<std::int64_t>(stop - at)});
    at = stop;
  }
  return result;
}

void TokenStream::State::fill(TokenBatch& batch, std::int64_t at, std::uint64_t row) const {
  const auto list = pieces(row);
  std::int64_t column = 0;
  for (std::size_t p = 0; p < list.size(); ++p) {
    const RowPiece& piece = list[p];
    const Part& part = part_of_document(piece.document);
    const TokenShard& from = shard(part);
    const std::uint64_t document = piece.document - part.first_document;
    const std::uint64_t first = from.offsets()[document] + static_cast<std::uint64_t>(piece.start);
    const std::uint64_t end = from.offsets()[document + 1];
    for (std::int64_t i = 0; i < piece.length; ++i, ++column) {
      const auto cell = static_cast<std::size_t>(at + column);
      const std::uint64_t token = first + static_cast<std::uint64_t>(i);
      batch.tokens[cell] = from.token(token);
      batch.positions[cell] = static_cast<std::int32_t>(isolate ? i : column);
      batch.documents[cell] = static_cast<std::int32_t>(isolate ? p : 0);
      TokenId target = kNoTarget;
      if (token + 1 < end) {
        if (from.loss(token + 1)) target = from.token(token + 1);
      } else {
        target = from.next(document);
        if (!isolate && target == kNoTarget && !packed && part.first_token + token + 1 < num_tokens) {
          // one stream: the next document's first token follows
          const Part& following = part_of_token(part.first_token + token + 1);
          const TokenShard& other = shard(following);
          const std::uint64_t index = part.first_token + token + 1 - following.first_token;
          if (other.loss(index)) target = other.token(index);
        }
      }
      batch.targets[cell] = target;
      batch.num_targets += target != kNoTarget;
    }
  }
}

void TokenStream::State::fill_synthetic(TokenBatch& batch, std::int64_t at, std::uint64_t row) const {
  const std::uint64_t key = derive_key({seed, name_key("synthetic tokens"), row});
  const auto token = [&](std::int64_t i) {
    Random random(key, static_cast<std::uint64_t>(i));
    return static_cast<TokenId>(random.below(static_cast<std::uint64_t>(manifest.vocab_size)));
  };
  for (std::int64_t i = 0; i < length; ++i) {
    const auto cell = static_cast<std::size_t>(at + i);
    batch.tokens[cell] = i == 0 ? token(0) : batch.targets[cell - 1];
    batch.targets[cell] = token(i + 1);
    batch.positions[cell] = static_cast<std::int32_t>(i);
    batch.documents[cell] = 0;
  }
  batch.num_targets += length;
}

TokenStream::TokenStream(std::unique_ptr<State> state) : state_(std::move(state)) {}

TokenStream TokenStream::synthetic(std::int64_t rows, int vocab_size, std::int64_t sequence_length,
                                   std::uint64_t seed) {
  auto state = std::make_unique<State>();
  state->synthetic = true;
  state->split = "train";
  state->manifest.vocab_size = vocab_size;
  state->length = sequence_length;
  state->seed = seed;
  state->num_rows = static_cast<std::uint64_t>(rows);
  state->num_tokens = state->num_rows * static_cast<std::uint64_t>(sequence_length);
  state->fingerprint = anneal::fingerprint(
      fmt::format("synthetic {} {} {} {}", rows, vocab_size, sequence_length, seed));
  return TokenStream(std::move(state));
}

TokenStream::TokenStream(const fs::path& folder, const std::string& split, std::int64_t sequence_length,
                         bool isolate_documents, std::uint64_t seed)
    : state_(std::make_unique<State>()) {
  if (sequence_length < 1) {
    throw UsageError(fmt::format("a row of {} tokens: at least 1 is expected", sequence_length));
  }
  State& s = *state_;
  s.folder = folder;
  s.manifest = load_manifest(folder);
  s.split = split;
  s.length = sequence_length;
  s.isolate = isolate_documents;
  s.seed = seed;
  bool whole = false;
  std::int64_t bytes = 0;
  std::vector<std::string> splits;
  for (const auto& file : s.manifest.files) {
    if (std::find(splits.begin(), splits.end(), file.split) == splits.end()) splits.push_back(file.split);
    if (file.split != split) continue;
    State::Part part;
    part.file = file;
    part.first_token = s.num_tokens;
    part.first_document = s.num_documents;
    s.parts.push_back(std::move(part));
    s.num_tokens += static_cast<std::uint64_t>(file.tokens);
    s.num_documents += static_cast<std::uint64_t>(file.documents);
    whole |= file.has_whole;
    bytes += file.bytes;
  }
  if (s.parts.empty()) {
    const auto nearest = nearest_name(split, splits);
    throw DataError(fmt::format("the shards in {} have no split '{}'", folder.string(), split),
                    nearest.empty() ? "" : fmt::format("did you mean '{}'?", nearest));
  }
  for (const auto& part : s.parts) {
    // damage shows here, before hours of training
    if (bytes <= kVerifiedBytes) verify_shard(folder, part.file);
    else if (std::error_code e; static_cast<std::int64_t>(fs::file_size(folder / part.file.name, e)) != part.file.bytes)
      s.shard(part);
  }
  if (whole) {
    std::vector<PackItem> items;
    items.reserve(s.num_documents);
    for (const auto& part : s.parts) {
      const TokenShard& shard = s.shard(part);
      for (std::uint64_t d = 0; d < shard.num_documents(); ++d) {
        PackItem item{static_cast<std::int64_t>(shard.offsets()[d + 1] - shard.offsets()[d]), shard.whole(d)};
        if (item.whole && item.length > sequence_length && !has_target(shard, d, sequence_length)) {
          item.length = 0;  // nothing to learn is left of it
          ++s.num_dropped;
        }
        items.push_back(item);
      }
    }
    s.packed = std::make_unique<PackedRows>(pack_rows(items, sequence_length));
    s.num_rows = s.packed->size();
    if (s.num_rows == 0 && s.num_dropped > 0 && split == "train") {
      throw DataError(fmt::format("rows of {} tokens are too short for all {} instructions in {}: every row would end "
                                  "before the answer begins",
                                  sequence_length, s.num_dropped, folder.string()),
                      "raise train.sequence_length");
    }
  } else {
    const auto length = static_cast<std::uint64_t>(sequence_length);
    s.num_rows = (s.num_tokens + length - 1) / length;
  }
  std::string all = fmt::format("{} {} {} {} {}", s.manifest.content_fingerprint(), split, sequence_length,
                                isolate_documents, seed);
  if (s.num_dropped > 0) all += fmt::format(" {} left out", s.num_dropped);
  s.fingerprint = anneal::fingerprint(all);
}

TokenStream::~TokenStream() = default;
TokenStream::TokenStream(TokenStream&&) noexcept = default;
TokenStream& TokenStream::operator=(TokenStream&&) noexcept = default;

std::uint64_t TokenStream::shard_row(std::uint64_t global_index) const {
  if (state_->split != "train") return global_index;
  return (*state_->order(global_index / state_->num_rows))[global_index % state_->num_rows];
}

TokenBatch TokenStream::rows(std::uint64_t first_global_index, std::int64_t count) const {
  TokenBatch batch;
  batch.rows = count;
  batch.length = state_->length;
  const auto cells = static_cast<std::size_t>(count * state_->length);
  batch.tokens.assign(cells, 0);
  batch.targets.assign(cells, kNoTarget);
  batch.positions.assign(cells, 0);
  batch.documents.assign(cells, -1);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint64_t row = shard_row(first_global_index + static_cast<std::uint64_t>(i));
    batch.row_ids.push_back(row);
    if (row >= state_->num_rows) continue;
    if (state_->synthetic) state_->fill_synthetic(batch, i * state_->length, row);
    else state_->fill(batch, i * state_->length, row);
  }
  return batch;
}

std::vector<RowDocument> TokenStream::documents(std::uint64_t global_index) const {
  std::vector<RowDocument> result;
  const std::uint64_t row = shard_row(global_index);
  if (state_->synthetic || row >= state_->num_rows) return result;
  for (const RowPiece& piece : state_->pieces(row)) {
    const auto& part = state_->part_of_document(piece.document);
    const std::uint64_t document = piece.document - part.first_document;
    const std::size_t source = state_->shard(part).source(document);
    result.push_back({part.file.name, document,
                      source < state_->manifest.sources.size() ? state_->manifest.sources[source].name : ""});
  }
  return result;
}

std::uint64_t TokenStream::rows_per_epoch() const { return state_->num_rows; }
std::int64_t TokenStream::num_tokens() const { return static_cast<std::int64_t>(state_->num_tokens); }
const std::string& TokenStream::fingerprint() const { return state_->fingerprint; }
int TokenStream::vocab_size() const { return state_->manifest.vocab_size; }
const std::string& TokenStream::tokenizer_fingerprint() const { return state_->manifest.tokenizer; }
std::int64_t TokenStream::num_truncated_documents() const {
  return state_->packed ? state_->packed->num_truncated_documents : 0;
}
std::int64_t TokenStream::num_dropped_documents() const { return state_->num_dropped; }
std::int64_t TokenStream::num_documents() const { return static_cast<std::int64_t>(state_->num_documents); }

std::vector<std::string> TokenStream::heldout_splits(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& file : load_manifest(folder).files) {
    if (file.split != "train") names.push_back(file.split);
  }
  return names;
}

}  // namespace anneal
