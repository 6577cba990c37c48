#include "data/text_source.h"

#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "data/compression.h"
#include "data/source.h"

namespace anneal {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kPeekBytes = 1 << 18;
constexpr double kLongLineBytes = 200;
constexpr std::size_t kParagraphGroupBytes = 4 << 10;
constexpr std::size_t kPassageBytes = 16 << 10;

/// "= Title =" but not "= = Section = =".
bool is_article_heading(std::string_view line) {
  line = trim(line);
  return line.size() > 4 && line.starts_with("= ") && line.ends_with(" =") &&
         !line.starts_with("= =") && !line.ends_with("= =");
}

bool ends_a_sentence(std::string_view line) {
  while (!line.empty() && std::string_view("\"')]}*").find(line.back()) != std::string_view::npos) {
    line.remove_suffix(1);
  }
  return !line.empty() && std::string_view(".!?;:").find(line.back()) != std::string_view::npos;
}

class TextReader : public DocumentReader {
 public:
  TextReader(std::string name, const SourceOptions& options, std::vector<fs::path> files)
      : name_(std::move(name)), options_(options), files_(std::move(files)) {}

  std::optional<Document> next() override {
    for (;;) {
      if (options_.max_documents > 0 && num_documents_ >= options_.max_documents) return std::nullopt;
      if (!lines_) {
        if (next_file_ == files_.size()) {
          if (num_documents_ > 0) return std::nullopt;
          throw DataError(fmt::format("source '{}' has no documents: {} file(s) of {} hold no text", name_,
                                      files_.size(), options_.path),
                          "check the path and `document`, or remove the source");
        }
        open(files_[next_file_++]);
      }
      auto text = next_text();
      if (!text) {
        lines_.reset();
        continue;
      }
      const std::string_view trimmed = trim(*text);
      if (trimmed.empty()) {
        // blank lines between documents are no documents
        if (layout_ == TextLayout::kFile) ++num_empty_;
        continue;
      }
      ++num_documents_;
      Document document;
      document.origin = fmt::format("{}:{}", lines_->path().string(), first_line_);
      document.spans.push_back({std::string(trimmed), /*loss=*/true});
      return document;
    }
  }

  std::string note() const override {
    return num_empty_ == 0 ? "" : fmt::format("{} empty documents left out", with_commas(num_empty_));
  }

 private:
  void open(const fs::path& path) {
    if (options_.document == "line") layout_ = TextLayout::kLines;
    else if (options_.document == "file") layout_ = TextLayout::kFile;
    else if (options_.document == "paragraph") layout_ = TextLayout::kParagraphs;
    else layout_ = guess_layout(read_unpacked(path, kPeekBytes));
    lines_.emplace(path);
    held_back_.reset();
  }

  /// The next checked line, or the one put back.
  std::optional<std::string_view> next_line() {
    if (held_back_) {
      current_ = std::move(*held_back_);
      held_back_.reset();
      return current_;
    }
    const auto line = lines_->next();
    if (line) require_text(*line, lines_->where(), lines_->offset());
    return line;
  }

  /// Text of the next document (perhaps empty) of the open file; first_line_ is where it begins.
  std::optional<std::string> next_text() {
    auto line = next_line();
    if (!line) return std::nullopt;
    first_line_ = lines_->line_number();
    if (layout_ == TextLayout::kLines) return std::string(*line);

    std::string text;
    for (; line; line = next_line()) {
      const bool blank = trim(*line).empty();
      if (layout_ == TextLayout::kParagraphs && blank) break;
      if (layout_ == TextLayout::kGatheredParagraphs && blank && text.size() >= kParagraphGroupBytes) break;
      if (layout_ == TextLayout::kPassages && text.size() >= kPassageBytes) {
        held_back_ = std::string(*line);
        break;
      }
      if (layout_ == TextLayout::kArticles && is_article_heading(*line) && !trim(text).empty()) {
        held_back_ = std::string(*line);
        break;
      }
      if (trim(text).empty()) {
        text.clear();  // blank lines before the document
        first_line_ = lines_->line_number();
      }
      text.append(*line).push_back('\n');
    }
    return text;
  }

  std::string name_;
  SourceOptions options_;
  std::vector<fs::path> files_;
  std::size_t next_file_ = 0;
  std::optional<LineReader> lines_;
  TextLayout layout_ = TextLayout::kLines;
  std::optional<std::string> held_back_;
  std::string current_;
  std::int64_t first_line_ = 0, num_documents_ = 0, num_empty_ = 0;
};

}  // namespace

TextLayout guess_layout(std::string_view beginning) {
  // a cut last line would distort the statistics
  if (beginning.size() >= kPeekBytes && beginning.rfind('\n') != std::string_view::npos) {
    beginning = beginning.substr(0, beginning.rfind('\n'));
  }
  double bytes = 0;
  std::int64_t lines = 0, sentences = 0, gaps = 0;
  bool blank_before = false;
  for (std::string_view line : split(beginning, '\n')) {
    line = trim(line);
    if (line.empty()) {
      blank_before = true;
      continue;
    }
    if (lines < 5 && is_article_heading(line)) return TextLayout::kArticles;
    gaps += lines > 0 && blank_before;
    blank_before = false;
    ++lines;
    bytes += static_cast<double>(line.size());
    sentences += ends_a_sentence(line);
  }
  if (lines == 0 || bytes / static_cast<double>(lines) >= kLongLineBytes) return TextLayout::kLines;
  // a gap every fifty lines or more often is structure, not chance
  if (gaps * 50 >= lines) return TextLayout::kGatheredParagraphs;
  return sentences * 10 >= lines * 6 ? TextLayout::kLines : TextLayout::kPassages;
}

std::unique_ptr<DocumentReader> open_text_source(const std::string& name, const SourceOptions& options) {
  return std::make_unique<TextReader>(name, options, source_files(name, options));
}

}  // namespace anneal
