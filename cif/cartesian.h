// Products and differences of vectors in space.
#pragma once

#include "cif/crystal.h"

namespace anneal {

inline double dot(const Cartesian& u, const Cartesian& v) { return u.x * v.x + u.y * v.y + u.z * v.z; }
inline Cartesian cross(const Cartesian& u, const Cartesian& v) {
  return {u.y * v.z - u.z * v.y, u.z * v.x - u.x * v.z, u.x * v.y - u.y * v.x};
}
inline Cartesian minus(const Cartesian& u, const Cartesian& v) {
  return {u.x - v.x, u.y - v.y, u.z - v.z};
}

}  // namespace anneal
