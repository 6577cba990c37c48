// data/corpus: what documents and questions state is recomputed from the tables; files are whole,
// the same for the same seed, and free of held-out crystals.
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "cif/crystal_table.h"
#include "cif/elements.h"
#include "data/chat_format.h"
#include "data/corpus.h"
#include "data/corpus_facts.h"
#include "data/corpus_frames.h"
#include "data/corpus_general.h"
#include "data/corpus_questions.h"
#include "data/corpus_sentences.h"
#include "data/corpus_words.h"
#include "data/facts_space_groups.h"
#include "tests/catch.h"
#include "tests/temporary_folder.h"

using namespace anneal;

namespace {

const CorpusFacts& facts() {
  static const CorpusFacts loaded = load_corpus_facts(CorpusOptions{}, 1);
  return loaded;
}

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::vector<std::string> lines;
  for (const auto line : split(read_file(path), '\n')) {
    if (!line.empty()) lines.emplace_back(line);
  }
  return lines;
}

/// A folder with WordNet's files, in small.
void small_wordnet(const std::filesystem::path& folder) {
  write_file_atomic(
      folder / "data.noun",
      "  1 This software is licensed  \n"
      "00002452 03 n 01 thing 0 001 @ 00001930 n 0000 | a separate entity; \"it was a thing\"  \n"
      "00004258 03 n 02 living_thing 0 animate_thing 0 000 | a living (or once living) entity  \n");
  write_file_atomic(folder / "data.verb",
                    "00001740 29 v 01 breathe 0 000 01 + 02 00 | draw air into the lungs  \n");
  write_file_atomic(folder / "data.adj",
                    "00001740 00 a 01 galore(ip) 0 000 | in great numbers; \"stars galore\"  \n");
  write_file_atomic(folder / "data.adv",
                    "00001837 02 r 01 a_cappella 0 000 | without musical accompaniment  \n");
}

}  // namespace

TEST_CASE("frames: blanks, capitals, conditions") {
  const Words words = {{"it", "the solid"}, {"density", "5.20"}, {"metallic", ""}};
  CHECK(fill("{It} has {density} g/cm3.", words) == "The solid has 5.20 g/cm3.");
  CHECK(fill("A{metallic} metal.", words) == "A metal.");
  CHECK(can_fill("{density}{metallic}", words));
  CHECK_FALSE(can_fill("{volume}", words));
  CHECK_THROWS_AS(fill("{volume}", words), std::logic_error);
  CHECK(with_article("orthorhombic") == "an orthorhombic");
  CHECK(with_article("cubic") == "a cubic");
  CHECK(listed({"a"}) == "a");
  CHECK(listed({"a", "b", "c"}) == "a, b and c");
  CHECK(number_word(12) == "twelve");
  CHECK(number_word(13) == "13");
  std::size_t groups = crystal_frames().size() + comparison_frames().size() + gap_frames().size() +
                       gap_pair_frames().size() + element_frames().size();
  CHECK(groups >= 40);
}

TEST_CASE("every frame can be filled for some facts") {
  std::set<std::string> used;
  const auto& f = facts();
  const auto note = [&](std::span<const FrameGroup> groups, Words words) {
    words["it"] = words["its"] = "x";
    for (const auto& group : groups) {
      for (const auto frame : group) {
        if (can_fill(frame, words)) used.emplace(frame);
      }
    }
  };
  Random random(1);
  for (std::size_t i = 0; i + 1 < f.train.size(); ++i) {
    note(crystal_frames(), crystal_words(f.train[i], f, random));
    note(comparison_frames(), comparison_words(f.train[i], f.train[i + 1], f, random));
  }
  for (std::size_t i = 0; i + 1 < f.gaps.size(); ++i) {
    note(gap_frames(), gap_words(f.gaps[i], random));
    note(gap_pair_frames(), gap_pair_words(f.gaps[i], f.gaps[i + 1]));
  }
  note(element_frames(), element_words(8, f, {0, 1, 2, 3, 4, 5, 6, 7}, random));
  for (const auto& groups :
       {crystal_frames(), comparison_frames(), gap_frames(), gap_pair_frames(), element_frames()}) {
    for (const auto& group : groups) {
      for (const auto frame : group) {
        INFO(frame);
        CHECK(used.count(std::string(frame)) == 1);
      }
    }
  }
}

TEST_CASE("derived facts") {
  // rock salt, conventional cell: Na-Cl at a/2
  Crystal salt;
  salt.cell = {5.64, 5.64, 5.64, 90, 90, 90};
  for (const auto& [x, y, z] : {std::array{0., 0., 0.}, {0., .5, .5}, {.5, 0., .5}, {.5, .5, 0.}}) {
    salt.sites.push_back({11, {x, y, z}});
    salt.sites.push_back({17, {x + .5, y, z}});
  }
  const auto nearest = nearest_pair(salt);
  CHECK(nearest.distance_a == Approx(2.82));
  CHECK(std::set{nearest.first, nearest.second} == std::set{11, 17});
  CHECK(spacing_001_a(salt.cell) == Approx(5.64));
  CHECK(spacing_001_a({3, 3, 5, 90, 90, 120}) == Approx(5.0));
  // one atom: its nearest neighbour is its own image
  Crystal fcc;
  fcc.cell = {2.77, 2.77, 2.77, 60, 60, 60};
  fcc.sites = {{46, {0, 0, 0}}};
  CHECK(nearest_pair(fcc).distance_a == Approx(2.77));

  CHECK(balanced_states({{26, 2}, {8, 3}}) == std::map<int, int>{{26, 3}, {8, -2}});
  CHECK(balanced_states({{20, 1}, {6, 1}, {8, 3}}) == std::map<int, int>{{20, 2}, {6, 4}, {8, -2}});
  CHECK(balanced_states({{26, 3}, {8, 4}}).empty());  // mixed valence
  CHECK(balanced_states({{29, 1}, {79, 1}}).empty());
  CHECK(parse_formula("Fe2(SO4)3") == std::map<int, double>{{26, 2}, {16, 3}, {8, 12}});
  CHECK(parse_formula("Al0.25Ga0.75As1") == std::map<int, double>{{13, .25}, {31, .75}, {33, 1}});
  CHECK(parse_formula("Xx2").empty());
  CHECK(parse_formula("Fe2(SO4").empty());
  CHECK(parse_formula("Fe2)").empty());
  CHECK(gap_class(0) == "metal");
  CHECK(gap_class(1.1) == "semiconductor");
  CHECK(gap_class(9) == "insulator");
  for (const auto& gap : facts().gaps) CHECK_FALSE(parse_formula(gap.formula).empty());
}

TEST_CASE("the split is by formula") {
  std::set<std::string> train;
  for (const auto& crystal : facts().train) train.insert(crystal.formula);
  for (const auto& crystal : facts().heldout) CHECK(train.count(crystal.formula) == 0);
  CHECK(facts().train.size() + facts().heldout.size() == 2000);
  CHECK(std::abs(facts().heldout.size() / 2000.0 - 0.1) < 0.03);  // four standard deviations
  CorpusOptions none;
  none.heldout = 0;
  CHECK(load_corpus_facts(none, 1).heldout.empty());
  CorpusOptions nothing;
  nothing.crystals = "/nowhere/x.csv";
  CHECK_THROWS_AS(load_corpus_facts(nothing, 1), DataError);
}

TEST_CASE("documents state only what the tables say") {
  const MaterialsWriter writer(facts(), 1);
  std::map<std::string, std::set<std::string>> density, group;
  for (const auto& crystal : facts().train) {
    density[crystal.formula].insert(fmt::format("{:.2f}", crystal.density_g_cm3));
    group[crystal.formula].insert(crystal.spacegroup);
  }
  std::set<std::string> different, heldout;
  for (const auto& crystal : facts().heldout) {
    // the formula of an element is also its symbol
    if (crystal.crystal.composition().size() > 1) heldout.insert(crystal.formula);
  }
  for (const auto& gap : facts().gaps) heldout.erase(gap.formula);  // a gap may be told
  const std::regex has_density("([A-Z][A-Za-z0-9()]*) has a density of ([0-9.]+) g/cm3\\.");
  const std::regex has_group(
      "([A-Z][A-Za-z0-9()]*) crystallises in space group ([^,]+), number ([0-9]+)\\.");
  const std::regex has_gap("The band gap of (\\S+) is ([0-9.]+) eV\\.");
  int densities = 0, groups = 0, gaps = 0;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    const std::string text = writer.document(i);
    const int words = count_words(text);
    INFO(text);
    CHECK(words >= kDocumentMinWords);
    CHECK(words <= kDocumentMaxWords);
    CHECK(text.find('\n') == std::string::npos);
    CHECK(text.find("  ") == std::string::npos);
    CHECK(text.find_first_of("{}<>") == std::string::npos);
    CHECK_FALSE(first_invalid_utf8(text));
    different.insert(text);
    if (i % 100 == 0) CHECK(writer.document(i) == text);
    for (const auto word : split(text, ' ')) CHECK(heldout.count(std::string(word)) == 0);
    const auto each = [&](const std::regex& pattern, auto&& check) {
      for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at)
        check(*at);
    };
    each(has_density, [&](const std::smatch& m) {
      if (density.count(m[1]) == 0) return;  // "It"
      CHECK(density[m[1]].count(m[2]) == 1);
      ++densities;
    });
    each(has_group, [&](const std::smatch& m) {
      if (group.count(m[1]) == 0) return;
      CHECK(group[m[1]].count(m[2]) == 1);
      CHECK(std::to_string(facts_space_group_number(m[2].str())) == m[3]);
      ++groups;
    });
    each(has_gap, [&](const std::smatch& m) {
      REQUIRE(facts().gap_of.count(m[1].str()) == 1);
      CHECK(std::stod(m[2]) == Approx(facts().gap_of.at(m[1].str())).margin(0.0051));
      ++gaps;
    });
  }
  CHECK(different.size() == 3000);
  CHECK(densities > 20);
  CHECK(groups > 20);
  CHECK(gaps > 100);
  CHECK(MaterialsWriter(facts(), 2).document(0) != writer.document(0));
}

TEST_CASE("answers to questions about materials agree with the tables") {
  std::map<std::string, double> density;
  std::map<std::string, Composition> composition;
  for (const auto& crystal : facts().train) {
    density.emplace(crystal.formula, crystal.density_g_cm3);
    composition.emplace(crystal.formula, crystal.crystal.composition());
  }
  const std::regex which("Which is denser, (\\S+) or (\\S+)\\?"),
      gap("What is the band gap of (\\S+)\\?"), contains("Which elements does (\\S+) contain\\?");
  int checked = 0;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    const auto record = materials_question(facts(), 1, i);
    INFO(record.question << " => " << record.answer);
    CHECK_FALSE(record.answer.empty());
    CHECK_FALSE(record.system.empty());
    CHECK(record.question.ends_with(record.question.find('?') == std::string::npos ? "." : "?"));
    if (i % 300 == 0) CHECK(materials_question(facts(), 1, i) == record);
    std::smatch m;
    if (std::regex_search(record.question, m, which)) {
      const bool first = density.at(m[1]) > density.at(m[2]);
      if (std::abs(density.at(m[1]) - density.at(m[2])) < 0.3)
        continue;  // polymorphs differ a little
      CHECK(record.answer.find((first ? m[1].str() : m[2].str()) + " is denser") == 0);
      ++checked;
    } else if (std::regex_search(record.question, m, gap)) {
      const double truth = facts().gap_of.at(m[1].str());
      CHECK((truth == 0) == (record.answer.find("has no band gap") != std::string::npos));
      if (truth > 0) {
        CHECK(std::stod(record.answer.substr(record.answer.find(" is ") + 4)) ==
              Approx(truth).margin(0.0051));
      }
      ++checked;
    } else if (std::regex_search(record.question, m, contains)) {
      for (const auto& [z, count] : composition.at(m[1])) {
        Random random(1);
        const Words words = element_words(z, facts(), {}, random);
        CHECK(record.answer.find(words.at("name")) != std::string::npos);
      }
      ++checked;
    }
  }
  CHECK(checked > 100);
}

TEST_CASE("glosses become sentences and questions") {
  testing::TemporaryFolder folder;
  CHECK_THROWS_AS(read_glosses(folder.path()), DataError);
  try {
    read_glosses(folder.path());
  } catch (const DataError& e) {
    CHECK(e.hint().find("apt-get install wordnet-base") != std::string::npos);
  }
  small_wordnet(folder.path());
  const auto glosses = read_glosses(folder.path());
  REQUIRE(glosses.size() == 5);
  CHECK(gloss_sentence(glosses[0]) == "thing: a separate entity. It was a thing.");
  CHECK(gloss_sentence(glosses[1]) == "living thing: a living (or once living) entity.");
  CHECK(glosses[2].kind == "verb");
  CHECK(gloss_sentence(glosses[3]) == "galore: in great numbers. Stars galore.");
  const auto record = gloss_question(glosses[1], 7);
  CHECK(record.answer == "A living (or once living) entity.");
  CHECK(record.question.find("living thing") != std::string::npos);
  CHECK(gloss_question(glosses[1], 7) == record);
  write_file_atomic(folder / "data.verb", "00001740 29 v 01\n");
  try {
    read_glosses(folder.path());
    FAIL("no error");
  } catch (const DataError& e) {
    CHECK(std::string(e.what()).find("data.verb:1:") != std::string::npos);
  }
}

TEST_CASE("a corpus is written whole, reads back, and is the same for the same seed") {
  testing::TemporaryFolder folder;
  small_wordnet(folder / "wordnet");
  Recipe recipe;
  recipe.corpus.general = (folder / "wordnet").string();
  recipe.corpus.documents = 120;
  recipe.corpus.questions = 50;
  recipe.corpus.max_sites = 8;
  const Log quiet(false);
  CHECK_FALSE(corpus_is_whole(folder / "one"));
  write_corpus(recipe, folder / "one", quiet);
  write_corpus(recipe, folder / "two", quiet);
  CHECK(corpus_is_whole(folder / "one"));
  for (const char* name :
       {"materials.txt", "general.txt", "crystals_train.csv", "crystals_heldout.csv",
        "chat_materials.jsonl", "chat_general.jsonl", "corpus.json"}) {
    CHECK(read_file(folder / "one" / name) == read_file(folder / "two" / name));
  }
  CHECK(lines_of(folder / "one" / "materials.txt").size() == 120);
  CHECK(lines_of(folder / "one" / "general.txt").size() == 5);

  std::size_t small = 0;
  CrystalReader reader(folder / "one" / "crystals_train.csv");
  std::size_t at = 0;
  while (const auto record = reader.next()) {
    REQUIRE(record->parsed.crystal);
    CHECK(record->parsed.crystal->sites.size() <= 8);
    while (facts().train[at].crystal.sites.size() > 8) ++at;
    CHECK(record->id == facts().train[at].id);
    CHECK(record->parsed.crystal->formula() == record->columns.at("formula"));
    CHECK(record->columns.at("spacegroup") == facts().train[at].spacegroup);
    CHECK(record->parsed.crystal->sites.size() == facts().train[at].crystal.sites.size());
    ++at;
    ++small;
  }
  CHECK(small > 400);

  for (const char* name : {"chat_materials.jsonl", "chat_general.jsonl"}) {
    SourceOptions options;
    options.kind = "chat";
    options.path = (folder / "one" / name).string();
    auto source = open_chat_source(name, options, 1);
    int count = 0;
    while (source->next()) ++count;
    CHECK(count == 50);
    CHECK(source->note().empty());
  }

  // another seed, another corpus; a written table can be the source of the next one (with the same
  // seed it would have no held-out crystals: the split is by formula and seed)
  recipe.run.seed = 2;
  write_corpus(recipe, folder / "two", quiet);
  recipe.corpus.crystals = (folder / "one" / "crystals_train.csv").string();
  write_corpus(recipe, folder / "three", quiet);
  CHECK(corpus_is_whole(folder / "three"));
  recipe.run.seed = 1;
  CHECK_THROWS_AS(write_corpus(recipe, folder / "four", quiet), DataError);
  CHECK(read_file(folder / "one" / "materials.txt") != read_file(folder / "two" / "materials.txt"));
  // a damaged file is noticed
  std::filesystem::resize_file(folder / "two" / "materials.txt", 100);
  CHECK_FALSE(corpus_is_whole(folder / "two"));
  std::filesystem::resize_file(folder / "one" / "corpus.json", 100);
  CHECK_FALSE(corpus_is_whole(folder / "one"));
}

TEST_CASE("the installed WordNet is read whole") {
  const std::filesystem::path folder = "/usr/share/wordnet";
  if (!std::filesystem::exists(folder / "data.noun")) {
    WARN("skipped: package wordnet-base is not installed");
    return;
  }
  const auto glosses = read_glosses(folder);
  CHECK(glosses.size() > 117000);  // WordNet 3.0 has 117,659 senses
  for (const auto& gloss : glosses) {
    if (gloss.word.empty() || first_invalid_utf8(gloss_sentence(gloss)) ||
        gloss_sentence(gloss).find_first_of("\n\"`") != std::string::npos) {
      FAIL_CHECK(gloss_sentence(gloss));
    }
  }
}
