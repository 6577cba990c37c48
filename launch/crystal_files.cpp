#include "launch/crystal_files.h"

#include <fmt/format.h>

#include <map>

#include "base/files.h"
#include "base/error.h"
#include "cif/byte_source.h"
#include "cif/cif_file.h"
#include "cif/elements.h"
#include "cif/symmetry/standard_cell.h"
#include "cif/symmetry/symmetrized_cif.h"
#include "cif/validity.h"

namespace anneal {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMostBytes = std::size_t{256} << 20;

std::string yes(bool value) { return value ? "yes" : "no"; }

std::string cell_text(const UnitCell& c) {
  return fmt::format("{:.4f} {:.4f} {:.4f} A, {:.3f} {:.3f} {:.3f} degrees, {:.3f} A^3", c.a, c.b,
                     c.c, c.alpha, c.beta, c.gamma, c.volume());
}

/// "4 Si at f (site 5), ...": orbits in order of their first site.
std::string orbits_text(const Crystal& crystal, const SpaceGroup& group) {
  std::map<int, int> sizes;
  for (const int first : group.equivalent) ++sizes[first];
  std::string text;
  for (const auto& [first, size] : sizes) {
    const auto& [z, p] = crystal.sites[first];
    text += fmt::format("    {:>4} {:<2} at {}   {:9.5f} {:9.5f} {:9.5f}\n", size, symbol(z),
                        group.wyckoff[first], p.x, p.y, p.z);
  }
  return text;
}

std::string describe(const Crystal& crystal) {
  std::string text = fmt::format("  formula       {} ({} sites)\n  cell          {}\n",
                                 crystal.formula(), crystal.sites.size(), cell_text(crystal.cell));
  text += fmt::format("  density       {:.4f} g/cm^3\n", crystal.density());
  const auto nearest = minimum_distance(crystal);
  text += fmt::format("  distances     {} between sites, {:.3f} A to an own image\n",
                      nearest ? fmt::format("{:.3f} A", *nearest) : "none",
                      self_distance(crystal.cell));
  text += fmt::format("  valid         structure {}, composition {}\n",
                      yes(structure_valid(crystal, nearest)),
                      yes(composition_valid(crystal.composition())));
  const auto group = find_space_group(crystal);
  if (!group) return text + "  space group   none found\n";
  text += fmt::format("  space group   {} ({}), {}, point group {}, within {} A\n", group->symbol,
                      group->number, crystal_system(group->number), group->point_group,
                      kSymmetryPrecision);
  text += fmt::format("  conventional  {}\n", cell_text(group->conventional.cell));
  if (const auto smaller = primitive_cell(crystal)) {
    text += fmt::format("  primitive     {}\n", cell_text(smaller->cell));
  }
  if (group->equivalent.size() <= 200) text += "  orbits\n" + orbits_text(crystal, *group);
  return text;
}

}  // namespace

bool is_cif_file(const fs::path& path) {
  std::error_code error;
  return path.extension() == ".cif" && !fs::is_directory(path, error);
}

std::string describe_cif(const fs::path& file) {
  std::string text;
  for (const auto& block : read_cif_blocks(read_all(file, kMostBytes))) {
    text += fmt::format("data_{}\n", block.name);
    if (block.parsed.crystal) {
      text += describe(*block.parsed.crystal);
    } else {
      text += fmt::format("  no crystal    {}: {}\n", reject_name(block.parsed.reason),
                          block.parsed.detail);
    }
  }
  if (!text.empty()) text.pop_back();
  return text;
}

void convert_cif(const fs::path& from, const fs::path& to, const std::string& cell) {
  const ParsedCrystal parsed = read_cif(read_all(from, kMostBytes));
  if (!parsed.crystal) {
    throw DataError(fmt::format("{} holds no crystal: {}: {}", from.string(),
                                reject_name(parsed.reason), parsed.detail));
  }
  const Crystal& crystal = *parsed.crystal;
  const auto made = [&](std::optional<Crystal> other) {
    if (!other) {
      throw DataError(fmt::format("{}: no {} cell was found", from.string(), cell),
                      "spglib finds no symmetry where sites coincide");
    }
    return write_cif(*other);
  };
  std::string text;
  if (cell == "given") {
    text = write_cif(crystal);
  } else if (cell == "primitive") {
    text = made(primitive_cell(crystal));
  } else if (cell == "niggli") {
    text = made(niggli_cell(crystal));
  } else {
    const auto group = find_space_group(crystal);
    text = made(group ? std::optional(group->conventional) : std::nullopt);
    if (cell == "symmetrized") text = write_symmetrized_cif(*group);
  }
  write_file_atomic(to, text);
}

}  // namespace anneal
