// Site fingerprints and what they rest on: the Voronoi cell, the neighbours, the order parameters.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numbers>
#include <set>
#include <sstream>

#include "base/random.h"
#include "cif/crystal_table.h"
#include "cif/csv.h"
#include "cif/elements.h"
#include "cif/fingerprint/crystal_nn.h"
#include "cif/fingerprint/ops_fingerprint.h"
#include "cif/fingerprint/order_parameters.h"
#include "tests/catch.h"
#include "tests/source_folder.h"

using namespace anneal;

namespace {

const std::string kReference = anneal::testing::source_folder() / "tests/cif/reference/ops.csv";

Crystal cubic(double a, std::vector<Site> sites) {
  return {.cell = {.a = a, .b = a, .c = a}, .sites = std::move(sites)};
}

}  // namespace

TEST_CASE("a Voronoi cell of six planes is a cube") {
  VoronoiCell cell;
  cell.reset(1000);
  CHECK_FALSE(cell.bounded());
  const Cartesian around[] = {{2, 0, 0}, {-2, 0, 0}, {0, 2, 0}, {0, -2, 0}, {0, 0, 2}, {0, 0, -2}};
  for (int k = 0; k < 6; ++k) cell.cut(around[k], k);
  REQUIRE(cell.bounded());
  CHECK(cell.radius() == Approx(std::sqrt(3.0)));
  cell.cut({2, 2, 0}, 6);  // touches an edge: many sites equally far from it
  cell.cut({2, 2, 2}, 7);  // touches a corner
  cell.cut({9, 1, 0}, 8);  // too far
  std::vector<VoronoiFace> faces;
  cell.faces(faces);
  double angle = 0, area = 0;
  for (const auto& face : faces) {
    angle += face.solid_angle;
    area += face.area;
    if (face.neighbor < 6) {
      CHECK(face.solid_angle == Approx(4 * std::numbers::pi / 6));
      CHECK(face.area == Approx(4));
    } else {
      CHECK(face.area < 1e-9);
    }
  }
  CHECK(angle == Approx(4 * std::numbers::pi));
  CHECK(area == Approx(24));
}

TEST_CASE("Voronoi cells of random crystals fill the space and see all of the sphere") {
  Random random(7);
  const auto uniform = [&] { return random.uniform(); };
  for (int round = 0; round < 30; ++round) {
    Crystal crystal;
    crystal.cell = {.a = 3 + 5 * uniform(),
                    .b = 3 + 5 * uniform(),
                    .c = 3 + 5 * uniform(),
                    .alpha = 60 + 60 * uniform(),
                    .beta = 75 + 30 * uniform(),
                    .gamma = 75 + 30 * uniform()};
    const int n = 1 + round % 9;
    for (int k = 0; k < n; ++k) crystal.sites.push_back({26, {uniform(), uniform(), uniform()}});
    NeighborSearch search(crystal);
    std::vector<Neighbor> around;
    std::vector<VoronoiFace> faces;
    double volume = 0;
    for (int site = 0; site < n; ++site) {
      REQUIRE(search.within(site, 20, 100000, around));
      VoronoiCell cell;
      cell.reset(1e4);
      for (std::size_t k = 0; k < around.size(); ++k) {
        cell.cut(around[k].offset, static_cast<int>(k));
      }
      REQUIRE(cell.bounded());
      cell.faces(faces);
      double angle = 0;
      for (const auto& face : faces) {
        angle += face.solid_angle;
        volume += face.area * around[face.neighbor].distance / 2 / 3;
      }
      CHECK(angle == Approx(4 * std::numbers::pi).epsilon(1e-9));
    }
    CHECK(volume == Approx(crystal.cell.volume()).epsilon(1e-9));
  }
}

TEST_CASE("the neighbour search finds what looking at every image finds") {
  Random random(11);
  const auto uniform = [&] { return random.uniform(); };
  for (int round = 0; round < 20; ++round) {
    Crystal crystal;
    crystal.cell = {.a = 2 + 20 * uniform(),
                    .b = 2 + 20 * uniform(),
                    .c = 2 + 20 * uniform(),
                    .alpha = 50 + 60 * uniform(),
                    .beta = 60 + 60 * uniform(),
                    .gamma = 70};
    if (!crystal.cell.possible()) continue;
    const int n = round % 2 == 0 ? 3 : 120;
    for (int k = 0; k < n; ++k) {
      crystal.sites.push_back({1, {3 * uniform() - 1, 3 * uniform() - 1, 3 * uniform() - 1}});
    }
    const CellMatrix m = crystal.cell.matrix();
    NeighborSearch search(crystal);
    std::vector<Neighbor> around;
    REQUIRE(search.within(1, 5, 1000000, around));
    std::vector<double> expected;
    for (int j = 0; j < n; ++j) {
      for (int x = -9; x <= 9; ++x) {
        for (int y = -9; y <= 9; ++y) {
          for (int z = -9; z <= 9; ++z) {
            const Fractional &p = crystal.sites[j].position, &q = crystal.sites[1].position;
            const Cartesian d = to_cartesian(m, {p.x - q.x + x, p.y - q.y + y, p.z - q.z + z});
            const double length = std::sqrt(d.x * d.x + d.y * d.y + d.z * d.z);
            if (length <= 5 && !(j == 1 && x == 0 && y == 0 && z == 0)) expected.push_back(length);
          }
        }
      }
    }
    std::sort(expected.begin(), expected.end());
    REQUIRE(around.size() == expected.size());
    for (std::size_t k = 0; k < expected.size(); ++k) {
      CHECK(around[k].distance == Approx(expected[k]).margin(1e-9));
    }
    CHECK_FALSE(search.within(1, 1000, 100, around));
  }
}

TEST_CASE("order parameters of perfect motifs are 1") {
  const auto order = [](Motif motif, std::vector<Cartesian> directions) {
    return NeighborAngles(directions).order(motif);
  };
  const std::vector<Cartesian> octahedron = {{2, 0, 0},  {-2, 0, 0}, {0, 2, 0},
                                             {0, -2, 0}, {0, 0, 2},  {0, 0, -2}};
  const std::vector<Cartesian> tetrahedron = {{1, 1, 1}, {1, -1, -1}, {-1, 1, -1}, {-1, -1, 1}};
  const std::vector<Cartesian> cube = {{1, 1, 1},  {1, 1, -1},  {1, -1, 1},  {1, -1, -1},
                                       {-1, 1, 1}, {-1, 1, -1}, {-1, -1, 1}, {-1, -1, -1}};
  CHECK(order(Motif::kOctahedral, octahedron) == Approx(1));
  CHECK(order(Motif::kTetrahedral, tetrahedron) == Approx(1));
  CHECK(order(Motif::kSquarePlanar, {{1, 0, 0}, {-1, 0, 0}, {0, 1, 0}, {0, -1, 0}}) == Approx(1));
  CHECK(order(Motif::kBodyCenteredCubic, cube) == Approx(1));
  CHECK(order(Motif::kLinear, {{1, 0, 0}, {-2, 0, 0}}) == Approx(1));
  CHECK(order(Motif::kBent90, {{1, 0, 0}, {0, 3, 0}}) == Approx(1));
  CHECK(order(Motif::kSingleBond, {{1, 0, 0}}) == 1);
  CHECK(order(Motif::kOctahedral, cube) < 0.5);
  // Steinhardt et al., Phys. Rev. B 28, 784 (1983), table I: cube q4 0.509, q6 0.629
  CHECK(order(Motif::kQ4, cube) == Approx(0.509).margin(5e-4));
  CHECK(order(Motif::kQ6, cube) == Approx(0.629).margin(5e-4));
  CHECK(order(Motif::kQ6, octahedron) == Approx(0.354).margin(5e-4));
}

TEST_CASE("site fingerprints are matminer's") {
  const char* other = std::getenv("ANNEAL_TEST_OPS");
  CsvReader reader(other != nullptr ? other : kReference);
  std::vector<std::string> row;
  const auto at = [&](const char* name) { return row[reader.column(name)]; };
  int sites = 0, outside = 0, crystals = 0;
  std::set<int> components;
  while (reader.next(row)) {
    const ParsedCrystal parsed =
        parse_crystal_lists(at("lengths"), at("angles"), at("species"), at("coords"));
    REQUIRE(parsed.crystal);
    const SiteFingerprints ours = ops_fingerprints(*parsed.crystal);
    REQUIRE(ours.failure == "");
    std::istringstream expected_sites(at("sites"));
    std::string text;
    for (std::size_t k = 0; k < ours.sites.size(); ++k) {
      std::getline(expected_sites, text, ';');
      OpsVector expected{};
      std::istringstream items(text);
      for (std::string item; items >> item;) {
        const int component = std::atoi(item.c_str());
        expected.at(component) = std::atof(item.c_str() + item.find(':') + 1);
        components.insert(component);
      }
      double largest = 0;
      for (int c = 0; c < kOpsSize; ++c) {
        largest = std::max(largest, std::abs(expected[c] - ours.sites[k][c]));
      }
      UNSCOPED_INFO(at("id") << " site " << k << ": " << largest);
      outside += largest > 1e-3;
      ++sites;
    }
    ++crystals;
  }
  if (other != nullptr) {
    std::printf("%d crystals, %d sites, %d with a component off by more than 1e-3\n", crystals, sites, outside);
  }
  CHECK(crystals > 45);
  CHECK(components.size() > 40);  // most coordination numbers and motifs occur
  // Where weights are equal by symmetry, the reference orders neighbours by rounding errors, and
  // its body-centred order parameter depends on that order (docs/numerics.md).
  CHECK(outside <= sites / 100);
}

TEST_CASE("a crystal that has no fingerprint says why") {
  // of two sites at one place each has the fingerprint that it has alone (matminer 0.10.1)
  const auto twins =
      ops_fingerprints(cubic(3, {{26, {0, 0, 0}}, {26, {0, 0, 1}}, {8, {.5, .5, .5}}}));
  REQUIRE(twins.sites.size() == 3);
  const auto alone = ops_fingerprints(cubic(3, {{26, {0, 0, 0}}, {8, {.5, .5, .5}}}));
  CHECK(twins.sites[0] == alone.sites[0]);
  CHECK(twins.sites[1] == alone.sites[0]);
  CHECK(twins.sites[2] == alone.sites[1]);
  CHECK(ops_fingerprints(cubic(3, {{100, {0, 0, 0}}})).failure ==
        "an element without a covalent radius (Z > 96) (site 1)");
  CHECK(ops_fingerprints(cubic(3, {{26, {0, 0, 0}}, {8, {0.5, 0.5, 0.5}}}), 1).failure ==
        "2 sites, more than 1");
  // a needle: millions of images within reach
  const Crystal needle = {.cell = {.a = 1e-6, .b = 1000, .c = 1000}, .sites = {{26, {}}}};
  CHECK(ops_fingerprints(needle).failure == "too many sites close together (site 1)");
  CHECK_FALSE(structure_fingerprint(needle).mean);
  CHECK(structure_fingerprint(cubic(3, {{26, {0, 0, 0}}})).mean);
}

TEST_CASE("fingerprints do not depend on the choice of cell or the order of sites") {
  const Crystal rutile = {.cell = {.a = 4.6, .b = 4.6, .c = 2.96},
                          .sites = {{22, {0, 0, 0}},
                                    {22, {.5, .5, .5}},
                                    {8, {.305, .305, 0}},
                                    {8, {.695, .695, 0}},
                                    {8, {.195, .805, .5}},
                                    {8, {.805, .195, .5}}}};
  Crystal doubled = rutile;
  doubled.cell.c *= 2;
  doubled.sites.clear();
  for (const int layer : {1, 0}) {
    for (const auto& site : rutile.sites) {
      doubled.sites.push_back(
          {site.atomic_number,
           {site.position.x - 3, site.position.y, (site.position.z + layer) / 2}});
    }
  }
  const auto one = structure_fingerprint(rutile).mean, two = structure_fingerprint(doubled).mean;
  REQUIRE(one);
  REQUIRE(two);
  for (int c = 0; c < kOpsSize; ++c) CHECK((*one)[c] == Approx((*two)[c]).margin(1e-9));
  CHECK(ops_label(24) == "octahedral CN_6");
  CHECK((*one)[24] > 0.2);
}
