// A made-up pipeline folder with every file that the report reads.
#pragma once

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>

#include <fmt/core.h>

namespace anneal::testing {

/// Loss that falls from `start` to `end` over `steps`, with ripples in place of noise.
inline void write_metrics(const std::filesystem::path& folder, int steps, double start, double end, double general_change,
                          const std::string& split) {
  std::filesystem::create_directories(folder);
  std::ofstream file(folder / "metrics.jsonl");
  for (int step = 0; step <= steps; ++step) {
    const double done = static_cast<double>(step) / steps, loss = end + (start - end) * std::exp(-5 * done);
    if (step > 0) {
      file << fmt::format("{{\"step\": {}, \"tokens\": {}, \"loss\": {:.5f}, \"lr\": 0.0003, \"grad_norm\": 1.0, \"tokens_per_second\": 41234.5, "
                          "\"step_seconds\": 0.1, \"mfu\": 0.2, \"peak_rss_gib\": 0.4, \"data_index\": {}}}\n",
                          step, step * 4096, loss + 0.12 * std::sin(step * 7.3) * std::cos(step * 3.1), step);
    }
    if (step % (steps / 4) == 0) {
      file << fmt::format("{{\"step\": {}, \"split\": \"{}\", \"loss\": {:.5f}, \"perplexity\": {:.3f}}}\n", step, split, loss + 0.1, std::exp(loss + 0.1));
      file << fmt::format("{{\"step\": {}, \"split\": \"general\", \"loss\": {:.5f}, \"perplexity\": 30.0}}\n", step, 4.1 + general_change * done);
    }
  }
}

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

inline std::string counts(int total, int parsed, int structure, int composition, int both, const std::string& reasons) {
  return fmt::format("\"total\": {}, \"parsed\": {}, \"struct_valid\": {}, \"comp_valid\": {}, \"valid\": {}, \"struct_valid_rate\": {:.4f}, "
                     "\"comp_valid_rate\": {:.4f}, \"valid_rate\": {:.4f}, \"mean_density\": 5.1, \"reasons\": {{{}}}",
                     total, parsed, structure, composition, both, 1.0 * structure / total, 1.0 * composition / total, 1.0 * both / total, reasons);
}

inline void make_run(const std::filesystem::path& folder) {
  const std::string score = counts(512, 512, 426, 451, 389, "") + ", \"unconstrained\": {" +
                            counts(512, 447, 371, 389, 331, "\"missing_coordinates\": 31, \"unknown_element\": 20, \"bad_number\": 9, \"no_lattice\": 5") +
                            "}, \"baseline\": {" + counts(512, 512, 18, 61, 3, "") + "}, \"reference\": {" + counts(203, 203, 203, 179, 179, "") + "}";
  write_text(folder / "summary.json",
             "{\"stages\": [{\"name\": \"corpus\", \"kind\": \"corpus\", \"status\": \"done\", \"seconds\": 2.1, \"metrics\": {\"documents\": 12000, \"crystals\": 1980}},"
             "{\"name\": \"tokenizer\", \"kind\": \"tokenizer\", \"status\": \"done\", \"seconds\": 8.4, \"metrics\": {\"pieces\": 2048}},"
             "{\"name\": \"cpt\", \"kind\": \"train\", \"status\": \"done\", \"seconds\": 182.3, \"metrics\": {\"loss\": 1.9}},"
             "{\"name\": \"chat\", \"kind\": \"train\", \"status\": \"done\", \"seconds\": 61.0, \"metrics\": {}},"
             "{\"name\": \"cif\", \"kind\": \"train\", \"status\": \"done\", \"seconds\": 95.2, \"metrics\": {}},"
             "{\"name\": \"generate\", \"kind\": \"generate\", \"status\": \"done\", \"seconds\": 33.0, \"metrics\": {\"samples\": 512, \"tokens_per_second\": 2891.4}},"
             "{\"name\": \"score\", \"kind\": \"score\", \"status\": \"done\", \"seconds\": 0.7, \"metrics\": {" + score + "}}],"
             "\"versions\": {\"anneal\": \"0.1.0\", \"torch\": \"2.15.0\", \"MPI\": \"Open MPI 4.1.4\"}}\n");
  write_metrics(folder / "cpt", 400, 7.4, 1.9, 0.34, "papers");
  write_metrics(folder / "chat", 120, 2.6, 1.1, 0.08, "questions");
  write_metrics(folder / "cif", 240, 2.2, 0.9, -0.02, "crystals");
  write_text(folder / "cpt/recipe.yaml", "name: cpt\nstage: train\nrun: {dir: runs/x/cpt}\ntokenizer: {path: t}\ndata: {sources: {papers: {path: p}}}\n");
  write_text(folder / "cpt/shards/manifest.json",
             R"({"format": "anneal-token-shards", "sources": [)"
             R"({"name": "papers", "kind": "text", "share_wanted": 0.945, "share_written": 0.94503, "tokens_written": 1548288},)"
             R"({"name": "general", "kind": "text", "share_wanted": 0.03, "share_written": 0.02996, "tokens_written": 49152},)"
             R"({"name": "crystals", "kind": "crystals", "share_wanted": 0.025, "share_written": 0.02501, "tokens_written": 40960}]})");
  write_text(folder / "score/recipe.yaml", "stage: score\nscore: {input: runs/x/generate/generations.jsonl}\n");
  const char* crystals[] = {
      "5.6 5.6 5.6\n90 90 90\nNa\n0.00 0.00 0.00\nNa\n0.00 0.50 0.50\nNa\n0.50 0.00 0.50\nNa\n0.50 0.50 0.00\nCl\n0.50 0.50 0.50\nCl\n0.50 0.00 0.00\nCl\n0.00 0.50 0.00\nCl\n0.00 0.00 0.50",
      "3.9 3.9 3.9\n90 90 90\nSr\n0.00 0.00 0.00\nTi\n0.50 0.50 0.50\nO\n0.50 0.50 0.00\nO\n0.50 0.00 0.50\nO\n0.00 0.50 0.50",
      "4.9 4.9 5.4\n90 90 120\nSi\n0.47 0.00 0.00\nSi\n0.00 0.47 0.67\nSi\n0.53 0.53 0.33\nO\n0.41 0.27 0.12\nO\n0.73 0.14 0.79\nO\n0.86 0.59 0.45\nO\n0.27 0.41 0.88\nO\n0.59 0.86 0.55\nO\n0.14 0.73 0.21",
      "3.2 3.2 5.2\n90 90 120\nZn\n0.33 0.67 0.00\nZn\n0.67 0.33 0.50\nO\n0.33 0.67 0.38\nO\n0.67 0.33 0.88",
      "3.8 3.8 9.5\n90 90 90\nTi\n0.00 0.00 0.00\nTi\n0.00 0.50 0.25\nO\n0.00 0.00 0.21\nO\n0.00 0.50 0.46",
      "4.1 4.1 4.1\n60 60 60\nCs\n0.00 0.00 0.00\nPbX\n0.5 0.5 0.5",
      "4.2 4.2 4.2\n80 95 110\nMg\n0.10 0.20 0.30\nO\n0.60 0.70 0.80\nMg\n0.12 0.22 0.32"};
  std::string generations, verdicts;
  int index = 0;
  for (std::string text : crystals) {
    std::string escaped;
    for (const char c : text) escaped += c == '\n' ? "\\n" : std::string(1, c);
    generations += fmt::format("{{\"index\": {}, \"prompt\": \"p\", \"text\": \"{}\", \"finished\": true, \"tokens\": 90}}\n", index, escaped);
    const bool valid = index < 4, parsed = index != 5;
    verdicts += fmt::format("{{\"index\": {}, \"id\": \"{}\", \"parsed\": {}, \"reason\": \"{}\", \"struct_valid\": {}, \"comp_valid\": {}}}\n", index, index,
                            parsed, parsed ? "" : "unknown_element", valid, valid);
    ++index;
  }
  write_text(folder / "generate/generations.jsonl", generations);
  write_text(folder / "generate/recipe.yaml", "stage: generate\nmodel: {from: runs/x/cif}\n");
  write_text(folder / "score/verdicts.jsonl", verdicts);
}

}  // namespace anneal::testing
