// Sources of documents: layouts of text, JSONL paths, CSV columns, compressed files, hostile input.
#include "data/source.h"

#include <fstream>

#include <zlib.h>
#include <zstd.h>

#include "base/error.h"
#include "base/files.h"
#include "data/compression.h"
#include "data/text_source.h"
#include "tests/catch.h"
#include "tests/temporary_folder.h"

using namespace anneal;
namespace fs = std::filesystem;

namespace {

void put(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

std::string gzip(const std::string& bytes) {
  z_stream z{};
  REQUIRE(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&z, bytes.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

std::string zstd(const std::string& bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);  // as the zstd program does
  out.resize(ZSTD_compress2(context, out.data(), out.size(), bytes.data(), bytes.size()));
  ZSTD_freeCCtx(context);
  return out;
}

std::vector<Document> read_documents(const SourceOptions& options) {
  const auto reader = open_source("papers", options, 1);
  std::vector<Document> documents;
  while (auto document = reader->next()) documents.push_back(std::move(*document));
  return documents;
}

std::vector<std::string> read_all(const SourceOptions& options) {
  std::vector<std::string> texts;
  for (const auto& document : read_documents(options)) {
    REQUIRE(document.spans.size() == 1);
    texts.push_back(document.spans[0].text);
  }
  return texts;
}

SourceOptions source(const std::string& kind, const fs::path& path) {
  SourceOptions options;
  options.kind = kind;
  options.path = path.string();
  return options;
}

std::string fault(const SourceOptions& options) {
  try {
    read_all(options);
  } catch (const DataError& error) {
    return error.full_message();
  }
  return "no DataError";
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("streams unpack gzip and zstd, in blocks of any size") {
  const testing::TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 200000; ++i) text += std::to_string(i * 7919 % 100003) + (i % 9 ? " " : "\n");
  put(folder / "a.txt", text);
  put(folder / "a.txt.gz", gzip(text.substr(0, 1000)) + gzip(text.substr(1000)));  // two members
  put(folder / "a.txt.zst", zstd(text.substr(0, 1000)) + zstd(text.substr(1000)));  // two frames
  for (const std::string name : {"a.txt", "a.txt.gz", "a.txt.zst"}) {
    INFO(name);
    CHECK(read_unpacked(folder / name) == text);
    CHECK(read_unpacked(folder / name, 100) == text.substr(0, 100));
    LineReader lines(folder / name);
    std::string joined;
    while (const auto line = lines.next()) {
      CHECK(lines.offset() == static_cast<std::int64_t>(joined.size()));
      joined.append(*line).push_back('\n');
    }
    joined.resize(text.size());
    CHECK(joined == text);
  }
}

TEST_CASE("a packed file cut anywhere is refused") {
  const testing::TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 3000; ++i) text += std::to_string(i * 7919 % 100003) + "\n";
  for (const std::string extension : {".gz", ".zst"}) {
    const std::string packed = extension == ".gz" ? gzip(text) : zstd(text);
    const fs::path path = folder / ("cut" + extension);
    for (std::size_t size = 0; size < packed.size(); size += size < 40 ? 1 : 211) {
      put(path, packed.substr(0, size));
      INFO(extension << " cut at " << size << " of " << packed.size());
      CHECK_THROWS_AS(read_unpacked(path), DataError);
    }
    put(path, packed.substr(0, packed.size() - 1));
    CHECK_THROWS_AS(read_unpacked(path), DataError);
    std::string damaged = packed;
    for (std::size_t i = packed.size() / 2; i < packed.size() / 2 + 20; ++i) damaged[i] = static_cast<char>(~damaged[i]);
    put(path, damaged);
    CHECK_THROWS_AS(read_unpacked(path), DataError);
  }
}

TEST_CASE("lines") {
  const testing::TemporaryFolder folder;
  put(folder / "a.txt", "\xEF\xBB\xBF""first\r\n\nthird, without an end");
  LineReader lines(folder / "a.txt");
  CHECK(*lines.next() == "first");
  CHECK(lines.line_number() == 1);
  CHECK(*lines.next() == "");
  CHECK(*lines.next() == "third, without an end");
  CHECK(lines.where() == (folder / "a.txt").string() + ":3");
  CHECK(lines.offset() == 11);
  CHECK_FALSE(lines.next());
}

TEST_CASE("text: what one document is") {
  const testing::TemporaryFolder folder;
  put(folder / "a.txt", "one\ntwo\n\n  \nthree\nfour\n");
  auto options = source("text", folder / "a.txt");
  options.document = "line";
  CHECK(read_all(options) == std::vector<std::string>{"one", "two", "three", "four"});
  CHECK(read_documents(options)[2].origin == (folder / "a.txt").string() + ":5");
  options.document = "paragraph";
  CHECK(read_all(options) == std::vector<std::string>{"one\ntwo", "three\nfour"});
  CHECK(read_documents(options)[1].origin == (folder / "a.txt").string() + ":5");
  options.document = "file";
  CHECK(read_all(options) == std::vector<std::string>{"one\ntwo\n\n  \nthree\nfour"});
  options.document = "line";
  options.max_documents = 2;
  CHECK(read_all(options).size() == 2);
}

TEST_CASE("text: the layout that auto chooses") {
  const std::string long_line(300, 'x');
  CHECK(guess_layout(long_line + "\n" + long_line + "\n") == TextLayout::kLines);
  CHECK(guess_layout(long_line + "\n\n" + long_line + "\n") == TextLayout::kLines);
  CHECK(guess_layout("A short gloss.\nAnother one!\nA third (of them).\n") == TextLayout::kLines);
  CHECK(guess_layout("Speaker:\nwords, and\nmore words\n\nOther:\nno\n\n") == TextLayout::kGatheredParagraphs);
  CHECK(guess_layout("prose that was\nwrapped at some\nwidth. It goes\non and on\n") == TextLayout::kPassages);
  CHECK(guess_layout("\n = Homarus = \n \n text text \n = = Section = = \n") == TextLayout::kArticles);
  CHECK(guess_layout("") == TextLayout::kLines);
}

TEST_CASE("text: the shared files give sensible documents") {
  const auto data = testing::shared_data();
  if (!data) {
    WARN("skipped: ../shared/data is missing");
    return;
  }
  const auto count = [&](const std::string& path) { return read_all(source("text", *data / "text" / path)).size(); };
  CHECK(count("materials/sofc_exp_fulltext.txt") == 45);
  CHECK(count("materials/olivetti_synthesis_paragraphs.txt") == 230);
  // WikiText-2's validation part has 60 articles; "= Title =" also heads a few nested lines
  const auto articles = read_all(source("text", *data / "text/general/wikitext2_valid.txt"));
  CHECK(articles.size() >= 55);
  CHECK(articles.size() <= 65);
  CHECK(articles[0].starts_with("= Homarus gammarus ="));
  const auto plays = read_all(source("text", *data / "text/general/tinyshakespeare.txt"));
  CHECK(plays.size() > 200);
  CHECK(plays.size() < 280);
  const auto novel = read_all(source("text", *data / "text/general/botchan.txt"));
  CHECK(novel.size() == 17);
  CHECK(novel[0].starts_with("Project Gutenberg's Botchan"));
  // nothing is lost but the mark at the start, the carriage returns of its 4,288 lines and blanks at ends
  std::size_t bytes = 0;
  for (const auto& passage : novel) bytes += passage.size() + 1;
  CHECK(bytes + 4288 + 40 > 278779);
}

TEST_CASE("folders, patterns and lists of files") {
  const testing::TemporaryFolder folder;
  fs::create_directories(folder / "in/deep");
  put(folder / "in/b.txt", "b\n");
  put(folder / "in/a.txt", "a\n");
  put(folder / "in/deep/c.txt.gz", gzip("c\n"));
  put(folder / "in/.hidden", "no\n");
  auto options = source("text", folder / "in");
  options.document = "line";
  CHECK(read_all(options) == std::vector<std::string>{"a", "b", "c"});
  options.path = (folder / "in/b.txt").string() + " ; " + (folder / "in/*.txt").string();
  CHECK(read_all(options) == std::vector<std::string>{"b", "a"});
  put(folder / "data[1].txt", "brackets\n");  // a name that is there is no pattern
  options.path = (folder / "data[1].txt").string();
  CHECK(read_all(options) == std::vector<std::string>{"brackets"});
}

TEST_CASE("jsonl") {
  const testing::TemporaryFolder folder;
  put(folder / "a.jsonl",
      "{\"text\": \"plain\", \"meta\": {\"abstract\": \"deep\"}, \"list\": [{\"t\": \"first\"}, \"second\"]}\n\n"
      "{\"text\": \"\", \"meta\": {\"abstract\": null}, \"list\": [{\"t\": \" \\u03b4 \"}, \"x\"]}\n");
  auto options = source("jsonl", folder / "a.jsonl");
  CHECK(read_all(options) == std::vector<std::string>{"plain"});
  const auto reader = open_source("s", options, 1);
  while (reader->next()) {
  }
  CHECK(reader->note() == "1 empty documents left out");
  options.field = "meta.abstract";
  CHECK(read_all(options) == std::vector<std::string>{"deep"});
  for (const std::string field : {"list[0].t", "list.0.t"}) {
    options.field = field;
    CHECK(read_all(options) == std::vector<std::string>{"first", "\xCE\xB4"});
  }

  put(folder / "dots.jsonl", "{\"meta.abstract\": \"a key with a dot\", \"meta\": {\"abstract\": \"deep\"}}\n");
  auto dotted = source("jsonl", folder / "dots.jsonl");
  dotted.field = "meta.abstract";
  CHECK(read_all(dotted) == std::vector<std::string>{"a key with a dot"});

  options.field = "txt";
  CHECK(has(fault(options), "a.jsonl:1: the record has no field 'txt'"));
  CHECK(has(fault(options), "did you mean 'text'?"));
  options.field = "meta.abstrct";
  CHECK(has(fault(options), "did you mean 'abstract'?"));
  options.field = "list[7]";
  CHECK(has(fault(options), "no field '7' in 'list'"));
  options.field = "meta";
  CHECK(has(fault(options), "field 'meta' is object, text is expected"));
  put(folder / "b.jsonl", "{\"text\": \"fine\"}\n{\"text\": \"cut");
  CHECK(has(fault(source("jsonl", folder / "b.jsonl")), "b.jsonl:2: not a JSON record"));
}

TEST_CASE("csv") {
  const testing::TemporaryFolder folder;
  const std::string table = "id,body\n1,\"two\nlines, one comma\"\n2,\n3,plain\n";
  put(folder / "a.csv", table);
  put(folder / "a.csv.gz", gzip(table));
  put(folder / "a.csv.zst", zstd(table));
  for (const std::string name : {"a.csv", "a.csv.gz", "a.csv.zst"}) {
    auto options = source("csv", folder / name);
    options.column = "body";
    CHECK(read_all(options) == std::vector<std::string>{"two\nlines, one comma", "plain"});
    CHECK(read_documents(options)[1].origin == (folder / name).string() + ":5");
  }
  auto options = source("csv", folder / "a.csv");
  options.column = "bdy";
  CHECK(has(fault(options), "body"));
  CHECK(has(fault(options), "a.csv"));
  put(folder / "b.csv", "id,body\n1,ok\n2,bad \xFF byte\n");
  options = source("csv", folder / "b.csv");
  options.column = "body";
  CHECK(has(fault(options), "b.csv:3: invalid UTF-8: byte 0xFF at byte 4 of the field"));
  put(folder / "c.csv", "id,body\n1\n");
  options.path = (folder / "c.csv").string();
  CHECK(has(fault(options), "c.csv:2: the row has 1 fields, the header 2"));
}

TEST_CASE("hostile input: one clear message each") {
  const testing::TemporaryFolder folder;
  CHECK(has(fault(source("text", folder / "none*.txt")), "source 'papers': no file matches"));
  auto options = source("text", "");
  CHECK(has(fault(options), "names no file"));
  put(folder / "empty.txt", "");
  CHECK(has(fault(source("text", folder / "empty.txt")), "source 'papers' has no documents"));
  CHECK(has(fault(source("jsonl", folder / "empty.txt")), "source 'papers' has no documents"));
  put(folder / "blank.txt", "\n  \n\t\n");
  CHECK(has(fault(source("text", folder / "blank.txt")), "has no documents"));
  put(folder / "latin1.txt", "good line\nna\xEFve\n");
  const std::string message = fault(source("text", folder / "latin1.txt"));
  CHECK(has(message, "latin1.txt:2: invalid UTF-8: byte 0xEF at byte 12 of the file"));
  CHECK(has(message, "hint: convert the file"));
  put(folder / "binary.txt", std::string("\x7F""ELF\x02\x01\x01\0\0\0", 10));
  CHECK(has(fault(source("text", folder / "binary.txt")), "this is a binary file"));
  options = source("text", folder / "latin1.txt");
  options.document = "file";
  CHECK(has(fault(options), "latin1.txt:2: invalid UTF-8"));
  options = source("nonsense", folder / "latin1.txt");
  CHECK_THROWS_AS(open_source("x", options, 1), UsageError);
}
