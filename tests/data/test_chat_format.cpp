// data/chat_format: spans and loss, prompts, the shapes of instruction data, faults.
#include <fmt/core.h>

#include <fstream>

#include "base/error.h"
#include "base/files.h"
#include "data/chat_format.h"
#include "data/chat_records.h"
#include "tests/catch.h"
#include "tests/temporary_folder.h"

using namespace anneal;

namespace {

std::string text_of(const Document& document) {
  std::string text;
  for (const auto& span : document.spans) text += span.text;
  return text;
}

std::vector<Document> read_all(DocumentReader& reader) {
  std::vector<Document> documents;
  while (auto document = reader.next()) documents.push_back(*std::move(document));
  return documents;
}

std::string fault(const std::string& json) {
  try {
    read_chat_record(json, "f.jsonl:7");
  } catch (const DataError& e) {
    return e.full_message();
  }
  return "";
}

}  // namespace

TEST_CASE("a chat document is LLaMat's format with loss on the answer and its end marker only") {
  const auto document = chat_document(ChatRecord{"Be brief.", "What is NaCl?", "Salt."});
  CHECK(text_of(document) ==
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>question\nWhat is NaCl?<|im_end|>\n"
        "<|im_start|>answer\nSalt.<|im_end|>\n");
  REQUIRE(document.spans.size() == 3);
  CHECK(document.spans[1] == TextSpan{"Salt.<|im_end|>", true});
  CHECK_FALSE(document.spans[0].loss);
  CHECK_FALSE(document.spans[2].loss);
  CHECK(document.ends_itself);
  // the model is asked exactly as it was trained
  CHECK(document.spans[0].text == chat_prompt("Be brief.", "What is NaCl?"));
  CHECK(chat_prompt("", "Q") == "<|im_start|>question\nQ<|im_end|>\n<|im_start|>answer\n");
}

TEST_CASE("several turns: every answer carries loss") {
  const auto document = chat_document(Conversation{"S", {{"a?", "b"}, {"c?", "d"}}});
  REQUIRE(document.spans.size() == 5);
  CHECK(document.spans[1] == TextSpan{"b<|im_end|>", true});
  CHECK(document.spans[3] == TextSpan{"d<|im_end|>", true});
  CHECK(document.spans[2].text == "\n<|im_start|>question\nc?<|im_end|>\n<|im_start|>answer\n");
}

TEST_CASE("the shapes of instruction data") {
  using C = Conversation;
  const auto one = [](const std::string& json) { return read_chat_record(json, "f").at(0); };
  CHECK(one(R"({"system":"s","question":" q ","answer":" a\n"})") == C{"s", {{"q", "a"}}});
  CHECK(one(R"({"question":"q","answer":7})") == C{"", {{"q", "7"}}});
  CHECK(one(R"({"instruction":"i","input":"x","output":"o"})") == C{"", {{"i\n\nx", "o"}}});
  CHECK(one(R"({"instruction":"i","input":"","output":"o"})") == C{"", {{"i", "o"}}});
  CHECK(one(R"({"system":"s","input":"x","output":"o"})") == C{"s", {{"x", "o"}}});
  CHECK(one(R"({"system_prompt":"s","question":"q","response":"r"})") == C{"s", {{"q", "r"}}});
  CHECK(one(R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"u"},)"
            R"({"role":"assistant","content":"v"},{"role":"user","content":"w"},)"
            R"({"role":"assistant","content":"x"}]})") == C{"s", {{"u", "v"}, {"w", "x"}}});
  CHECK(one(R"({"conversations":[{"from":"human","value":"u"},{"from":"gpt","value":"v"}]})") ==
        C{"", {{"u", "v"}}});
  const auto seeds = read_chat_record(
      R"({"instruction":"i","instances":[{"input":"","output":"a"},{"input":"x","output":"b"}]})",
      "f");
  CHECK(seeds == std::vector<C>{{"", {{"i", "a"}}}, {"", {{"i\n\nx", "b"}}}});
}

TEST_CASE("malformed records give file, line and what is missing") {
  CHECK(fault("{\"question\": \"q\"").find("f.jsonl:7: not valid JSON") == 0);
  CHECK(fault("{\"question\": \"\xff\"}").find("f.jsonl:7: not valid JSON") == 0);
  CHECK(fault("[1]").find("a JSON object is expected") != std::string::npos);
  const auto missing = fault(R"({"question":"q","anser":"a"})");
  CHECK(missing.find("f.jsonl:7: the record has no 'answer'") == 0);
  CHECK(missing.find("is 'anser' meant to be 'answer'?") != std::string::npos);
  CHECK(fault("{}").find("its keys: none") != std::string::npos);
  CHECK(fault(R"({"question":["q"],"answer":"a"})").find("'question' is array") !=
        std::string::npos);
  CHECK(fault(R"({"messages":[{"role":"wizard","content":"x"}]})").find("unknown role 'wizard'") !=
        std::string::npos);
  CHECK(fault(R"({"messages":[{"role":"user","content":"x"}]})").find("no answered") !=
        std::string::npos);
  CHECK(fault(R"({"messages":{"a":1}})").find("a list is expected") != std::string::npos);
}

TEST_CASE(
    "a chat source reads files in order, counts what it leaves out and refuses nothing at all") {
  testing::TemporaryFolder folder;
  write_file_atomic(
      folder / "a.jsonl",
      "{\"question\":\"q1\",\"answer\":\"a1\"}\n\n{\"question\":\"q\",\"answer\":\" \"}\n"
      "{\"question\":\"<|im_start|>\",\"answer\":\"x\"}\n");
  write_file_atomic(folder / "b.json", R"([{"question":"q2","answer":"a2"}])");
  SourceOptions options;
  options.kind = "chat";
  options.path = (folder / "a.jsonl").string() + ";" + (folder / "b.json").string();
  auto reader = open_chat_source("chat", options, 1);
  const auto documents = read_all(*reader);
  REQUIRE(documents.size() == 2);
  CHECK(documents[0].origin == (folder / "a.jsonl").string() + ":1");
  CHECK(documents[1].origin == (folder / "b.json").string() + "#1");
  CHECK(reader->note() ==
        "1 records with an empty question or answer, 1 records with a chat marker in their text "
        "left out");

  options.max_documents = 1;
  CHECK(read_all(*open_chat_source("chat", options, 1)).size() == 1);
  options.path = (folder / "none*.jsonl").string();
  CHECK_THROWS_AS(open_chat_source("chat", options, 1), DataError);
  write_file_atomic(folder / "empty.jsonl", "\n");
  options.path = (folder / "empty.jsonl").string();
  CHECK_THROWS_AS(open_chat_source("chat", options, 1)->next(), DataError);
}

TEST_CASE("the real instruction files are read whole") {
  const auto shared = testing::shared_data();
  if (!shared) {
    WARN("skipped: ../shared/data is not there");
    return;
  }
  const auto count = [&](const std::string& file) {
    SourceOptions options;
    options.path = (*shared / "instructions" / file).string();
    return read_all(*open_chat_source(file, options, 1)).size();
  };
  CHECK(count("llamat_doping_train.jsonl") == 413);
  CHECK(count("llamat_mof1_train.jsonl") == 549);
  CHECK(count("llamat_mof2_train.jsonl") == 456);
  CHECK(count("seed_tasks.jsonl") >= 170);
  CHECK(count("*.jsonl") >= 1588);
}
