#include "data/prepare.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/files.h"
#include "base/processors.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/text.h"
#include "data/heldout.h"
#include "data/mixture.h"
#include "data/prepare_inputs.h"
#include "data/source.h"
#include "data/token_shard.h"
#include "data/tokenized_source.h"

namespace anneal {
namespace fs = std::filesystem;

namespace {

/// A source between reading and writing.
struct Prepared {
  SourceSummary summary;
  std::unique_ptr<TokenSpool> spool;
  HeldoutSplit split;
};

/// A source's name as part of a file name: letters, digits, '-', '_', '.'; others as %XX.
std::string file_stem(const std::string& name) {
  std::string stem = "heldout-";
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.') stem.push_back(c);
    else stem += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return stem;
}

/// What must not be split between training and validation: the text; for crystals the row it comes
/// from, so that copies and tasks of one crystal stay together.
std::string heldout_key(const Document& document, bool by_origin) {
  if (by_origin) {
    const auto slash = document.origin.rfind('/');
    return slash == std::string::npos ? document.origin : document.origin.substr(slash + 1);
  }
  std::string text;
  for (const auto& span : document.spans) text += span.text;
  return text;
}

Prepared read_source(const std::string& name, const SourceOptions& options, const Recipe& recipe,
                     const Tokenizer& tokenizer, const fs::path& folder, const Log& log, int threads,
                     std::int64_t& text_bytes) {
  const std::uint64_t seed = derive_key({static_cast<std::uint64_t>(recipe.run.seed), name_key(name)});
  Prepared source;
  source.spool = std::make_unique<TokenSpool>(folder);
  const auto reader = open_source(name, options, seed);
  const bool by_origin = options.kind.starts_with("crystal");
  Progress progress("tokenize " + name, 0, log.speaks());
  text_bytes += tokenize_source(
      *reader, tokenizer, /*loss_on_all=*/recipe.data.answer_loss == "all", seed,
      [&](const Document& document) { return heldout_key(document, by_origin); }, threads, *source.spool,
      [&](std::int64_t done) { progress.set(done); });
  progress.finish();
  source.spool->seal();
  source.split = split_heldout(*source.spool, options.heldout, recipe.data.heldout_max_tokens);

  SourceSummary& summary = source.summary;
  summary.name = name;
  summary.kind = options.kind;
  summary.documents = static_cast<std::int64_t>(source.spool->size());
  summary.tokens = source.spool->num_tokens();
  summary.heldout_documents = static_cast<std::int64_t>(source.split.heldout.size());
  for (const auto& segment : source.split.heldout) summary.heldout_tokens += segment.length;
  summary.note = reader->note();
  return source;
}

/// Writes one segment of a source's document.
void write_segment(const Prepared& source, std::size_t document, std::int64_t start, std::int64_t length,
                   std::size_t index, TokenShardWriter& writer) {
  std::vector<TokenId> tokens;
  std::vector<std::uint8_t> loss;
  const TokenSpool& spool = *source.spool;
  // one more token, if there is one: the target of the last
  const bool more = start + length < spool.length(document);
  spool.read(document, start, length + more, tokens, loss);
  ShardDocument piece;
  const auto kept = static_cast<std::size_t>(length);
  if (more && loss[kept]) piece.next = tokens[kept];
  piece.tokens = std::span(tokens).first(kept);
  piece.loss = std::span(loss).first(kept);
  piece.source = static_cast<std::uint16_t>(index);
  piece.whole = spool.whole(document);
  writer.add(piece);
}

void remove_old_shards(const fs::path& folder) {
  std::error_code ignored;
  fs::remove(folder / "manifest.json", ignored);  // first: without it nothing is taken for whole
  remove_temporary_files(folder);
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".h5") && (name.starts_with("train-") || name.starts_with("heldout-"))) {
      fs::remove(entry.path(), ignored);
    }
  }
}

/// The source with the largest share is written once and sets the size of the whole: where it is the
/// smaller one, most of the others is left out, which nobody should find out from the loss.
void say_what_limits(const std::vector<MixtureSource>& plan, const std::vector<MixtureTarget>& targets,
                     const DataOptions& options, std::int64_t total, const Log& log) {
  if (options.mixture.empty() || plan.size() < 2) return;
  const std::size_t anchor = anchor_of(targets);
  if (options.max_tokens > 0 && targets[anchor].passes < 0.999) {
    log.info("data.max_tokens limits the mixture to {} tokens", with_commas(total));
    return;
  }
  std::string unused;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    if (i == anchor || targets[i].share == 0 || targets[i].passes > 0.999) continue;
    unused += fmt::format("{}{:.1f} % of '{}'", unused.empty() ? "" : ", ", 100 * targets[i].passes, plan[i].name);
  }
  if (unused.empty()) return;
  log.info("'{}' ({} tokens) is written once and, with its share of {:.2f} %, limits the mixture to {} tokens: of the rest is written {}",
           plan[anchor].name, with_commas(plan[anchor].num_tokens()), 100 * targets[anchor].share, with_commas(total), unused);
}

/// Writes the mixture and fills in shares, tokens and passes of the summaries.
std::vector<ShardFile> write_train(std::vector<Prepared>& sources, const Recipe& recipe, const Tokenizer& tokenizer,
                                   const fs::path& folder, const Log& log) {
  std::vector<MixtureSource> plan;
  for (const auto& source : sources) {
    MixtureSource entry{source.summary.name, {}, {}};
    for (std::size_t i = 0; i < source.split.train.size(); ++i) {
      entry.lengths.push_back(static_cast<std::uint32_t>(source.split.train_length[i]));
      entry.whole.push_back(source.spool->whole(source.split.train[i]));
    }
    plan.push_back(std::move(entry));
  }
  const auto targets = mixture_targets(plan, recipe.data.mixture, recipe.data.max_tokens);
  std::int64_t total = 0;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    total += targets[i].tokens;
    if (targets[i].passes > 1.0001) {
      log.warn("source '{}' is written {:.2f} times over to reach its share of {:.2f} %: more of it would be better",
               plan[i].name, targets[i].passes, 100 * targets[i].share);
    }
  }
  if (total == 0) throw DataError("there are no training tokens", "check data.sources and data.max_tokens");
  say_what_limits(plan, targets, recipe.data, total, log);

  TokenShardWriter writer(folder, "train", "train", tokenizer.vocab_size(), tokenizer.fingerprint());
  Progress progress("write shards", total, log.speaks());
  std::int64_t written = 0;
  for_each_segment(plan, targets, static_cast<std::uint64_t>(recipe.run.seed), [&](const MixtureSegment& segment) {
    Prepared& source = sources[segment.source];
    const std::size_t document = source.split.train[segment.document];
    write_segment(source, document, segment.start, segment.length, segment.source, writer);
    source.summary.tokens_written += segment.length;
    written += segment.length;
    progress.set(written);
  });
  progress.finish();
  for (std::size_t i = 0; i < sources.size(); ++i) {
    SourceSummary& summary = sources[i].summary;
    const auto available = plan[i].num_tokens();
    summary.share_wanted = targets[i].share;
    summary.share_written = static_cast<double>(summary.tokens_written) / static_cast<double>(written);
    summary.passes = available ? static_cast<double>(summary.tokens_written) / static_cast<double>(available) : 0;
  }
  return writer.finish();
}

/// The manifest in `folder` if it is whole and its shards are; nothing otherwise.
std::optional<TokenManifest> whole_manifest(const fs::path& folder, const Log& log) {
  if (!fs::exists(folder / "manifest.json")) return std::nullopt;
  try {
    return load_manifest(folder);
  } catch (const DataError& error) {
    log.warn("{}; preparing again", error.what());
    return std::nullopt;
  }
}

bool shards_are_whole(const TokenManifest& manifest, const fs::path& folder, const Log& log) {
  try {
    for (const auto& file : manifest.files) verify_shard(folder, file);
    return Tokenizer::load(folder).fingerprint() == manifest.tokenizer;
  } catch (const DataError& error) {
    log.warn("{}; preparing again", error.what());
    return false;
  }
}

void check_recipe(const Recipe& recipe, const Tokenizer& tokenizer) {
  if (recipe.data.sources.empty()) {
    throw UsageError("there is nothing to prepare: the recipe has no data.sources", "name at least one source");
  }
  if (recipe.data.sources.contains("train")) {
    throw UsageError("a source cannot be called 'train': that is the name of the training split",
                     "rename data.sources.train");
  }
  if (tokenizer.eos_id() < 0) {
    throw DataError("the tokenizer has no end-of-text token (</s>, <|end_of_text|>)",
                    "name it as eos_token in tokenizer_config.json beside tokenizer.json, or train a tokenizer with "
                    "`anneal tokenizer train`");
  }
}

}  // namespace

Tokenizer recipe_tokenizer(const Recipe& recipe) {
  if (!recipe.tokenizer.path.empty()) return Tokenizer::load(recipe.tokenizer.path);
  if (!recipe.model.from.empty() && fs::is_directory(recipe.model.from)) return Tokenizer::load(recipe.model.from);
  throw UsageError(recipe.model.from.empty() ? "the recipe names no tokenizer"
                                             : fmt::format("{} brings no tokenizer", recipe.model.from),
                   "set tokenizer.path to a .model file (SentencePiece, tiktoken) or tokenizer.json, or to a folder with one");
}

PrepareReport prepare(const Recipe& recipe, const Tokenizer& tokenizer, const fs::path& folder, const Log& log,
                      int threads) {
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  check_recipe(recipe, tokenizer);
  if (!tokenizer.note().empty()) log.warn("{}", tokenizer.note());
  threads = threads_or_processors(threads);
  make_folders(folder);

  PrepareReport report;
  auto old = whole_manifest(folder, log);
  TokenManifest& manifest = report.manifest;
  manifest.inputs = fingerprint_inputs(recipe, old ? old->inputs : std::vector<InputFile>{});
  manifest.options = options_fingerprint(recipe, tokenizer, manifest.inputs);
  if (old && old->options == manifest.options && shards_are_whole(*old, folder, log)) {
    report.manifest = std::move(*old);
    report.reused = true;
    report.seconds = seconds();
    log.info("shards in {} are up to date ({} tokens)", folder.string(), with_commas(report.manifest.train_tokens()));
    return report;
  }

  remove_old_shards(folder);
  std::vector<Prepared> sources;
  for (const auto& [name, options] : recipe.data.sources) {
    sources.push_back(read_source(name, options, recipe, tokenizer, folder, log, threads, report.text_bytes));
  }
  manifest.files = write_train(sources, recipe, tokenizer, folder, log);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    TokenShardWriter writer(folder, file_stem(sources[i].summary.name), sources[i].summary.name,
                            tokenizer.vocab_size(), tokenizer.fingerprint());
    for (const auto& segment : sources[i].split.heldout) {
      write_segment(sources[i], segment.document, segment.start, segment.length, i, writer);
    }
    for (auto& file : writer.finish()) manifest.files.push_back(std::move(file));
    manifest.sources.push_back(sources[i].summary);
  }
  manifest.tokenizer = tokenizer.fingerprint();
  manifest.vocab_size = tokenizer.vocab_size();
  manifest.eos_id = tokenizer.eos_id();
  manifest.seed = static_cast<std::uint64_t>(recipe.run.seed);
  tokenizer.save(folder);
  save_manifest(manifest, folder);
  report.seconds = seconds();
  log.info("{}", describe_sources(manifest));
  log.info("{} of text in {} ({}/s) -> {}", human_bytes(static_cast<double>(report.text_bytes)),
           human_duration(report.seconds), human_bytes(static_cast<double>(report.text_bytes) / report.seconds),
           folder.string());
  return report;
}

PrepareReport prepare(const Recipe& recipe, const fs::path& folder, const Log& log, int threads) {
  return prepare(recipe, recipe_tokenizer(recipe), folder, log, threads);
}

fs::path shard_folder(const Recipe& recipe) {
  return recipe.data.shards.empty() ? fs::path(recipe.run.dir) / "shards" : fs::path(recipe.data.shards);
}

std::string describe_sources(const TokenManifest& manifest) {
  std::size_t width = 6;
  for (const auto& s : manifest.sources) width = std::max(width, s.name.size());
  std::string text = fmt::format("{:<{}} {:>10} {:>13} {:>9} {:>9} {:>13} {:>7} {:>10}", "source", width, "documents",
                                 "tokens", "wanted", "written", "tokens", "passes", "held out");
  for (const auto& s : manifest.sources) {
    text += fmt::format("\n{:<{}} {:>10} {:>13} {:>8.3f}% {:>8.3f}% {:>13} {:>7.2f} {:>10}", s.name, width,
                        with_commas(s.documents), with_commas(s.tokens), 100 * s.share_wanted, 100 * s.share_written,
                        with_commas(s.tokens_written), s.passes, with_commas(s.heldout_tokens));
    if (!s.note.empty()) text += "\n  " + s.note;
  }
  text += fmt::format("\n{:<{}} {:>10} {:>13} {:>9} {:>9} {:>13}", "total", width, "", "", "", "",
                      with_commas(manifest.train_tokens()));
  return text;
}

}  // namespace anneal
