#include "cif/cif_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <exception>
#include <gemmi/cif.hpp>       // for the grammar
#include <gemmi/numb.hpp>      // for numbers with uncertainties
#include <gemmi/symmetry.hpp>  // for operations and space-group names
#include <memory>
#include <optional>
#include <utility>

#include "base/text.h"
#include "cif/elements.h"

namespace anneal {
namespace {
namespace cif = gemmi::cif;

constexpr double kSameSite = 1e-4;        // fractional, pymatgen's site_tolerance
constexpr double kThirds = 1e-4;          // fractional, pymatgen's frac_tolerance
constexpr double kFull = 1e-3;            // occupancies this close to 1 are 1
constexpr std::size_t kMaxSymops = 1000;  // a space group has at most 192

/// A rejection on its way out of nested reading; does not leave this file.
struct Rejection {
  RejectReason reason;
  std::string detail;
};

/// A value without quotes; "" for "?" and ".".
std::string value_text(const std::string* raw) {
  return raw == nullptr || cif::is_null(*raw) ? std::string() : cif::as_string(*raw);
}

std::string first_value(cif::Block& block, std::initializer_list<const char*> tags) {
  for (const char* tag : tags) {
    if (const std::string* raw = block.find_value(tag); raw && !cif::is_null(*raw)) {
      return cif::as_string(*raw);
    }
    // a single value may stand in a loop of one row
    cif::Column column = block.find_values(tag);
    if (column.length() > 0 && !cif::is_null(column[0])) return cif::as_string(column[0]);
  }
  return {};
}

/// The number, with an uncertainty such as "5.431(2)" dropped.
double number(const std::string& text, const std::string& what, RejectReason missing) {
  if (text.empty()) throw Rejection{missing, fmt::format("{} is missing", what)};
  const double value = cif::as_number(text);
  if (std::isfinite(value)) return value;
  double plain = 0;
  switch (read_number(text, plain)) {
    case NumberText::kNumber:
      return plain;
    case NumberText::kNotFinite:
      throw Rejection{RejectReason::kNotFinite, fmt::format("{} is '{}'", what, text)};
    default:
      throw Rejection{RejectReason::kBadNumber,
                      fmt::format("{} is '{}', not a number", what, text.substr(0, 60))};
  }
}

UnitCell read_cell(cif::Block& block) {
  static constexpr const char* kTags[6][2] = {
      {"_cell_length_a", "_cell.length_a"},     {"_cell_length_b", "_cell.length_b"},
      {"_cell_length_c", "_cell.length_c"},     {"_cell_angle_alpha", "_cell.angle_alpha"},
      {"_cell_angle_beta", "_cell.angle_beta"}, {"_cell_angle_gamma", "_cell.angle_gamma"}};
  std::array<double, 6> v{};
  for (int i = 0; i < 6; ++i) {
    v[i] = number(first_value(block, {kTags[i][0], kTags[i][1]}), kTags[i][0],
                  RejectReason::kNoLattice);
  }
  return {v[0], v[1], v[2], v[3], v[4], v[5]};
}

/// ".5" and "0.25" in an operation written as the fractions that gemmi 0.5 reads.
std::string with_fractions(const std::string& triplet) {
  if (triplet.find('.') == std::string::npos) return triplet;
  std::string result;
  for (std::size_t i = 0; i < triplet.size();) {
    const auto end = std::min(triplet.size(), triplet.find_first_not_of("0123456789.", i));
    double value = 0;
    if (end > i && read_number(triplet.substr(i, end - i), value) == NumberText::kNumber &&
        triplet.substr(i, end - i).find('.') != std::string::npos && value < 1e3) {
      result += fmt::format("{}/24", std::lround(value * 24));
      i = end;
    } else {
      result += triplet[i++];
    }
  }
  return result;
}

/// Whether gemmi may read it: it multiplies numbers of any length without looking.
bool has_short_numbers(const std::string& triplet) {
  constexpr std::size_t kMaxDigits = 5;
  std::size_t digits = 0;
  for (const char c : triplet) {
    digits = c >= '0' && c <= '9' ? digits + 1 : 0;
    if (digits > kMaxDigits) return false;
  }
  return true;
}

/// Symmetry operations of the block; only the identity where nothing is said.
std::vector<gemmi::Op> read_operations(cif::Block& block, const UnitCell& cell) {
  std::vector<gemmi::Op> ops;
  for (const char* tag : {"_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz",
                          "_space_group_symop.operation_xyz", "_symmetry_equiv.pos_as_xyz",
                          "_space_group_symop_operation_xyz_", "_symmetry_equiv_pos_as_xyz_"}) {
    cif::Column column = block.find_values(tag);
    if (column.length() > static_cast<int>(kMaxSymops)) {
      throw Rejection{RejectReason::kUnreadableCif,
                      fmt::format("{} symmetry operations", column.length())};
    }
    for (const std::string& raw : column) {
      if (cif::is_null(raw)) continue;
      const std::string triplet = cif::as_string(raw);
      if (trim(triplet).empty()) continue;
      const std::string fractions = with_fractions(triplet);
      if (!has_short_numbers(fractions)) {
        throw Rejection{
            RejectReason::kUnreadableCif,
            fmt::format("symmetry operation '{}': too large a number", triplet.substr(0, 60))};
      }
      try {
        ops.push_back(gemmi::parse_triplet(fractions));
      } catch (const std::exception& error) {
        throw Rejection{
            RejectReason::kUnreadableCif,
            fmt::format("symmetry operation '{}': {}", triplet.substr(0, 60), error.what())};
      }
    }
    if (!ops.empty()) return ops;
  }

  const gemmi::SpaceGroup* group = nullptr;
  const std::string hm =
      first_value(block, {"_space_group_name_H-M_alt", "_symmetry_space_group_name_H-M",
                          "_space_group.name_H-M_alt", "_symmetry.space_group_name_H-M",
                          "_symmetry_space_group_name_H-M_", "_space_group_name_H-M_ref"});
  if (!hm.empty()) group = gemmi::find_spacegroup_by_name(hm, cell.alpha, cell.gamma);
  if (group == nullptr) {
    const std::string hall =
        first_value(block, {"_space_group_name_Hall", "_symmetry_space_group_name_Hall"});
    if (!hall.empty()) {
      try {
        for (const gemmi::Op& op : gemmi::symops_from_hall(hall.c_str())) ops.push_back(op);
        return ops;
      } catch (const std::exception&) {
        ops.clear();  // not a Hall symbol: the number may still be there
      }
    }
    const std::string it =
        first_value(block, {"_space_group_IT_number", "_symmetry_Int_Tables_number"});
    double value = 0;
    if (read_number(it, value) == NumberText::kNumber && value >= 1 && value <= 230) {
      group = gemmi::find_spacegroup_by_number(static_cast<int>(value));
    } else if (!hm.empty() && it.empty()) {
      throw Rejection{RejectReason::kUnreadableCif,
                      fmt::format("unknown space group '{}' and no operations listed", hm)};
    }
  }
  if (group != nullptr) {
    for (const gemmi::Op& op : group->operations()) ops.push_back(op);
  }
  if (ops.empty()) ops.push_back(gemmi::Op::identity());
  return ops;
}

/// Element of a type symbol or label such as "Fe", "Fe3+", "FE1", "Cl-", "H12A", "Wat": the first
/// two letters, then the first alone, as pymatgen reads them; 0 if neither is an element.
int element_of(const std::string& text) {
  std::string letters;
  for (const char c : text) {
    if (!std::isalpha(static_cast<unsigned char>(c)) || letters.size() == 2) break;
    letters += letters.empty() ? static_cast<char>(std::toupper(static_cast<unsigned char>(c)))
                               : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (letters.empty()) return 0;
  if (letters == "Wa") return atomic_number("O");  // "Wat": water by its oxygen
  if (letters == "Ow" || letters == "Hw") letters.resize(1);
  if (const int z = atomic_number(letters)) return z;
  return atomic_number(std::string_view(letters).substr(0, 1));
}

/// Whether a type symbol or label names a group of which the hydrogens have no sites of their own:
/// "Wat", "O-H(1)", "OH", "NH3", "CH2". Capital letters only: "Nh" is nihonium, "RH1" rhodium.
bool names_hydrogens(std::string_view text) {
  if (text.starts_with("Wat") || text.starts_with("wat") || text.starts_with("O-H") ||
      text.starts_with("H2O")) {
    return true;
  }
  if (text.size() < 2 || text[1] != 'H' || std::string_view("BCNO").find(text[0]) > 3) return false;
  return text.size() == 2 || !std::isalpha(static_cast<unsigned char>(text[2]));
}

/// Whether a coordinate has seven decimals or more: one that programs write, not people.
bool written_finely(const std::string& text) {
  const auto point = text.find('.');
  return point != std::string::npos &&
         text.find_first_not_of("0123456789", point + 1) - point > 7 && text.size() > point + 7;
}

struct ListedSite {
  std::string label;
  int atomic_number = 0;
  int multiplicity = 0;  // as stated; 0: not
  Fractional position;
  std::array<bool, 3> fine{};  // coordinates written with seven decimals or more
  double occupancy = 1;
};

std::vector<ListedSite> read_listed_sites(cif::Block& block) {
  const auto column = [&](const char* small, const char* mm) {
    cif::Column c = block.find_values(small);
    return c.length() > 0 ? c : block.find_values(mm);
  };
  cif::Column x = column("_atom_site_fract_x", "_atom_site.fract_x");
  cif::Column y = column("_atom_site_fract_y", "_atom_site.fract_y");
  cif::Column z = column("_atom_site_fract_z", "_atom_site.fract_z");
  if (x.length() == 0 && y.length() == 0 && z.length() == 0) {
    const bool cartesian = column("_atom_site_Cartn_x", "_atom_site.Cartn_x").length() > 0 ||
                           block.find_values("_chem_comp_atom.atom_id").length() > 0;
    throw Rejection{RejectReason::kNoSites,
                    cartesian ? "Cartesian coordinates only: a macromolecule or a chemical "
                                "component (mmCIF), not a crystal structure"
                              : "there are no fractional coordinates"};
  }
  if (x.length() != y.length() || x.length() != z.length()) {
    throw Rejection{RejectReason::kMissingCoordinates,
                    "fract_x, fract_y, fract_z differ in number"};
  }
  if (static_cast<std::size_t>(x.length()) > kMaxSites) {
    throw Rejection{RejectReason::kTooManySites, fmt::format("{} sites", x.length())};
  }
  cif::Column type = column("_atom_site_type_symbol", "_atom_site.type_symbol");
  cif::Column label = column("_atom_site_label", "_atom_site.label_atom_id");
  cif::Column occupancy = column("_atom_site_occupancy", "_atom_site.occupancy");
  cif::Column calculated = block.find_values("_atom_site_calc_flag");
  cif::Column multiplicity = block.find_values("_atom_site_symmetry_multiplicity");
  cif::Column attached = column("_atom_site_attached_hydrogens", "_atom_site.attached_hydrogens");
  const auto at = [](cif::Column& c, int i) {
    return i < c.length() ? value_text(&c[i]) : std::string();
  };

  // "." is the default, which the dictionary gives as 0; "?" is unknown
  const auto coordinate = [&](cif::Column& c, int i, const std::string& label) {
    if (c[i] == ".") return 0.0;
    return number(at(c, i), "a coordinate of site " + label, RejectReason::kMissingCoordinates);
  };

  std::vector<ListedSite> sites;
  sites.reserve(x.length());
  bool hydrogen = false;
  std::string implicit;
  for (int i = 0; i < x.length(); ++i) {
    if (at(calculated, i) == "dum") continue;
    ListedSite site;
    const std::string type_text = at(type, i);
    site.label = at(label, i);
    if (site.label.empty()) site.label = type_text;
    if (site.label.empty() && cif::is_null(x[i]) && cif::is_null(y[i]) && cif::is_null(z[i])) {
      continue;  // a row of question marks
    }
    double attached_count = 0;
    if (read_number(at(attached, i), attached_count) == NumberText::kNumber && attached_count > 0) {
      implicit = fmt::format("site {} has {} attached hydrogens without sites", site.label,
                             attached_count);
    } else if (names_hydrogens(type_text)) {
      implicit = fmt::format("site {} is '{}'", site.label, type_text.substr(0, 60));
    } else if (names_hydrogens(site.label) && implicit.empty()) {
      implicit = "?" + site.label;  // a name only: it may be that its hydrogens are listed
    }
    site.atomic_number = element_of(type_text.empty() ? site.label : type_text);
    if (site.atomic_number == 0) {
      // "0.75Si + 0.25Al" names a mixture
      if (type_text.find('+') != std::string::npos && type_text.find('.') != std::string::npos) {
        throw Rejection{RejectReason::kDisordered,
                        fmt::format("site {} is '{}'", i + 1, type_text.substr(0, 60))};
      }
      throw Rejection{RejectReason::kUnknownElement,
                      fmt::format("site {}: '{}' is not an element", i + 1,
                                  (type_text.empty() ? site.label : type_text).substr(0, 60))};
    }
    hydrogen |= site.atomic_number == 1;
    site.position = {coordinate(x, i, site.label), coordinate(y, i, site.label),
                     coordinate(z, i, site.label)};
    if (const std::string text = at(occupancy, i); !text.empty()) {
      site.occupancy =
          number(text, "the occupancy of site " + site.label, RejectReason::kBadNumber);
    }
    site.fine = {written_finely(x[i]), written_finely(y[i]), written_finely(z[i])};
    double stated = 0;
    if (read_number(at(multiplicity, i), stated) == NumberText::kNumber && stated > 0 &&
        stated < 1e6) {
      site.multiplicity = static_cast<int>(stated);
    }
    if (site.occupancy != 0) sites.push_back(std::move(site));
  }
  if (implicit.starts_with("?")) {
    implicit = hydrogen ? "" : fmt::format("site {} and no hydrogen", implicit.substr(1));
  }
  if (!implicit.empty()) throw Rejection{RejectReason::kImplicitHydrogens, implicit};
  return sites;
}

bool same_position(const Fractional& p, const Fractional& q) {
  const auto near = [](double u, double v) {
    const double d = u - v;
    return std::abs(d - std::round(d)) < kSameSite;
  };
  return near(p.x, q.x) && near(p.y, q.y) && near(p.z, q.z);
}

/// Joins entries of one element at one place whose occupancies add up to 1 (mixed valence); any
/// other partial occupancy makes the structure disordered.
std::vector<ListedSite> fully_occupied(std::vector<ListedSite> listed) {
  std::vector<ListedSite> full;
  std::vector<ListedSite> partial;
  for (auto& site : listed) {
    (std::abs(site.occupancy - 1) <= kFull ? full : partial).push_back(std::move(site));
  }
  while (!partial.empty()) {
    ListedSite site = partial.front();
    double sum = 0;
    std::erase_if(partial, [&](const ListedSite& other) {
      if (other.atomic_number != site.atomic_number ||
          !same_position(other.position, site.position)) {
        return false;
      }
      sum += other.occupancy;
      return true;
    });
    if (!(std::abs(sum - 1) <= kFull)) {
      throw Rejection{RejectReason::kDisordered,
                      fmt::format("site {} has the occupancy {:g}", site.label, sum)};
    }
    full.push_back(std::move(site));
  }
  return full;
}

double snapped(double x, bool fine) {
  if (fine) return x;  // 0.33340000 is no third
  for (const double third : {1.0 / 3, 2.0 / 3}) {
    if (std::abs(x - third) < kThirds) return third;
  }
  return x;
}

std::vector<Site> expand(const std::vector<ListedSite>& listed, const std::vector<gemmi::Op>& ops) {
  std::vector<Site> sites;
  if (ops.size() == 1 && ops[0] == gemmi::Op::identity()) {
    sites.reserve(listed.size());
    for (const auto& site : listed) sites.push_back({site.atomic_number, site.position});
    return sites;
  }
  for (const auto& site : listed) {
    const std::array<double, 3> xyz = {snapped(site.position.x, site.fine[0]),
                                       snapped(site.position.y, site.fine[1]),
                                       snapped(site.position.z, site.fine[2])};
    const std::size_t first = sites.size();
    for (const auto& op : ops) {
      const auto image = op.apply_to_xyz(xyz);
      const Fractional position = {wrap_fraction(image[0]), wrap_fraction(image[1]),
                                   wrap_fraction(image[2])};
      const bool known = std::any_of(sites.begin() + first, sites.end(), [&](const Site& other) {
        return same_position(other.position, position);
      });
      if (!known) sites.push_back({site.atomic_number, position});
    }
    if (sites.size() > kMaxSites) {
      throw Rejection{RejectReason::kTooManySites,
                      fmt::format("more than {} sites in the cell", kMaxSites)};
    }
  }
  return sites;
}

bool describes_structure(cif::Block& block) {
  return block.find_values("_atom_site_fract_x").length() > 0 ||
         block.find_values("_atom_site.fract_x").length() > 0 ||
         block.find_value("_cell_length_a") != nullptr ||
         block.find_value("_cell.length_a") != nullptr;
}

bool has_sites(cif::Block& block) {
  return block.find_values("_atom_site_fract_x").length() > 0 ||
         block.find_values("_atom_site.fract_x").length() > 0;
}

std::shared_ptr<const StatedFacts> read_stated_facts(cif::Block& block,
                                                     const std::vector<ListedSite>& listed) {
  auto facts = std::make_shared<StatedFacts>();
  facts->block_name = block.name;
  facts->formula_sum = first_value(block, {"_chemical_formula_sum"});
  facts->formula_structural = first_value(block, {"_chemical_formula_structural"});
  facts->space_group =
      first_value(block, {"_symmetry_space_group_name_H-M", "_space_group_name_H-M_alt"});
  facts->multiplicities.reserve(listed.size());
  for (const auto& site : listed) {
    facts->multiplicities.emplace_back(site.atomic_number, site.multiplicity);
  }
  return facts;
}

ParsedCrystal read_block_content(cif::Block& block) {
  try {
    // the sites first: their composition is known even if the cell is at fault
    auto listed = fully_occupied(read_listed_sites(block));
    Crystal crystal;
    crystal.cell = read_cell(block);
    crystal.sites = expand(listed, read_operations(block, crystal.cell));
    ParsedCrystal parsed = checked_crystal(std::move(crystal));
    parsed.stated = read_stated_facts(block, listed);
    return parsed;
  } catch (const Rejection& rejection) {
    return rejected(rejection.reason, rejection.detail);
  } catch (const std::exception& error) {  // gemmi
    return rejected(RejectReason::kUnreadableCif, error.what());
  }
}

ParsedCrystal read_block(cif::Block& block) {
  ParsedCrystal parsed = read_block_content(block);
  parsed.from_cif = true;
  return parsed;
}

/// gemmi's actions but for the count of a loop's values, which `drop_bad_loops` looks at.
template <class Rule>
struct TolerantAction : cif::Action<Rule> {};
template <>
struct TolerantAction<cif::rules::loop> : tao::pegtl::nothing<cif::rules::loop> {};

/// Loops whose values do not fill their rows are left out (table makers add such), but for those
/// that a structure depends on.
void drop_bad_loops(cif::Block& block) {
  std::erase_if(block.items, [&](const cif::Item& item) {
    if (item.type != cif::ItemType::Loop || item.loop.tags.empty() ||
        item.loop.values.size() % item.loop.tags.size() == 0) {
      return false;
    }
    for (const char* part : {"_atom_site", "symop", "_equiv", "_cell"}) {
      for (const std::string& tag : item.loop.tags) {
        if (gemmi::to_lower(tag).find(part) != std::string::npos) {
          throw Rejection{
              RejectReason::kUnreadableCif,
              fmt::format("data_{}: the loop of {} has {} values for {} columns", block.name, tag,
                          item.loop.values.size(), item.loop.tags.size())};
        }
      }
    }
    return true;
  });
}

/// The reason why the document cannot be read, or nothing.
std::optional<ParsedCrystal> document_fault(std::string_view text, cif::Document& document) {
  if (trim(text).empty()) return rejected(RejectReason::kEmpty, "there is nothing but white space");
  try {
    // gemmi's read_* would also refuse repeated tags, which do not matter here
    tao::pegtl::memory_input<> input(text.data(), text.size(), "cif");
    tao::pegtl::parse<cif::rules::file, TolerantAction, cif::Errors>(input, document);
    cif::check_for_missing_values(document);
    for (auto& block : document.blocks) drop_bad_loops(block);
  } catch (const Rejection& rejection) {
    return rejected(rejection.reason, rejection.detail);
  } catch (const std::exception& error) {
    return rejected(RejectReason::kUnreadableCif, error.what());
  }
  if (document.blocks.empty()) return rejected(RejectReason::kUnreadableCif, "no data block");
  return std::nullopt;
}

std::optional<ParsedCrystal> read_document(std::string_view text, cif::Document& document) {
  auto fault = document_fault(text, document);
  if (fault) fault->from_cif = true;
  return fault;
}

}  // namespace

std::vector<CifBlock> read_cif_blocks(std::string_view text) {
  cif::Document document;
  std::vector<CifBlock> blocks;
  if (auto fault = read_document(text, document)) {
    blocks.push_back({"", *std::move(fault)});
    return blocks;
  }
  for (auto& block : document.blocks) {
    if (describes_structure(block)) blocks.push_back({block.name, read_block(block)});
  }
  if (blocks.empty()) {
    blocks.push_back({document.blocks[0].name, read_block(document.blocks[0])});
  }
  return blocks;
}

ParsedCrystal read_cif(std::string_view text) {
  cif::Document document;
  if (auto fault = read_document(text, document)) return *std::move(fault);
  for (auto& block : document.blocks) {
    if (has_sites(block)) return read_block(block);
  }
  return read_block(document.blocks[0]);
}

}  // namespace anneal
