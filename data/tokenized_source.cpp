#include "data/tokenized_source.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#include "base/fingerprint.h"

namespace anneal {

namespace {
constexpr std::size_t kBlockBytesPerThread = 1 << 20;
constexpr std::size_t kBlockDocuments = 1 << 14;

/// Calls work(i) for i < count on `threads` threads; the first exception is passed on.
void for_all(std::size_t count, int threads, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;
  std::exception_ptr failure;
  std::mutex mutex;
  const auto run = [&] {
    try {
      for (std::size_t i = next++; i < count; i = next++) work(i);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
      next = count;
    }
  };
  std::vector<std::jthread> pool;
  for (int t = 1; t < threads; ++t) pool.emplace_back(run);
  run();
  pool.clear();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

TokenizedDocument tokenize(const Document& document, const Tokenizer& tokenizer, bool loss_on_all) {
  TokenizedDocument result;
  bool last_loss = true;
  if (tokenizer.bos_id() >= 0) {  // as LLaMA was trained; never a target
    result.tokens.push_back(tokenizer.bos_id());
    result.loss.push_back(false);
  }
  for (std::size_t i = 0; i < document.spans.size(); ++i) {
    const TextSpan& span = document.spans[i];
    const auto ids = i == 0 ? tokenizer.encode(span.text) : tokenizer.encode_continuation(span.text);
    last_loss = span.loss || loss_on_all;
    result.whole |= !span.loss;
    result.tokens.insert(result.tokens.end(), ids.begin(), ids.end());
    result.loss.insert(result.loss.end(), ids.size(), last_loss);
  }
  if (!document.ends_itself) {
    result.tokens.push_back(tokenizer.eos_id());
    result.loss.push_back(last_loss);
  }
  return result;
}

std::int64_t tokenize_source(DocumentReader& reader, const Tokenizer& tokenizer, bool loss_on_all,
                             std::uint64_t seed, const std::function<std::string(const Document&)>& held_out_key,
                             int threads, TokenSpool& spool,
                             const std::function<void(std::int64_t)>& on_progress) {
  std::int64_t text_bytes = 0;
  bool at_end = false;
  std::vector<Document> block;
  std::vector<TokenizedDocument> done;
  std::vector<std::uint64_t> hashes;
  while (!at_end) {
    block.clear();
    std::size_t bytes = 0;
    while (bytes < kBlockBytesPerThread * static_cast<std::size_t>(threads) && block.size() < kBlockDocuments) {
      auto document = reader.next();
      if (!document) {
        at_end = true;
        break;
      }
      for (const auto& span : document->spans) bytes += span.text.size();
      block.push_back(std::move(*document));
    }
    done.assign(block.size(), {});
    hashes.assign(block.size(), 0);
    for_all(block.size(), threads, [&](std::size_t i) {
      done[i] = tokenize(block[i], tokenizer, loss_on_all);
      hashes[i] = hash64(held_out_key(block[i]), seed);
    });
    for (std::size_t i = 0; i < block.size(); ++i) {
      if (!done[i].tokens.empty()) spool.add(done[i].tokens, done[i].loss, hashes[i], done[i].whole);
    }
    text_bytes += static_cast<std::int64_t>(bytes);
    on_progress(static_cast<std::int64_t>(spool.size()));
  }
  return text_bytes;
}

}  // namespace anneal
