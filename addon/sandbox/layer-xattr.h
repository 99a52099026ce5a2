// Which extended attributes belong into a layer. The sandbox process asks it of trees of images, the addon of contexts.
#pragma once
#include <string>
#include <utility>
#include <vector>

// Name and value, sorted by the bytes of the name.
using Xattrs = std::vector<std::pair<std::string, std::string>>;

// user.*, but not user.overlay.*, and no name with `=`, which no tar can carry. Overlayfs's own attributes are state of a
// mount; also escaped ones stay out, so that root (where user.overlay.x is an ordinary name) and rootless (where it is
// not) agree.
inline bool isUserXattr(const std::string& name) {
  return name.rfind("user.", 0) == 0 && name.rfind("user.overlay.", 0) != 0 && name.find('=') == std::string::npos;
}

// What COPY takes of a context's file. Not its ACLs: they name users of the machine, as its owner is one.
inline bool belongsInContext(const std::string& name) { return isUserXattr(name) || name == "security.capability"; }

// user.*, security.capability and POSIX ACLs.
inline bool belongsInLayer(const std::string& name) {
  return belongsInContext(name) || name == "system.posix_acl_access" || name == "system.posix_acl_default";
}

// Version 3 capabilities carry the user id that owns the namespace, which is the machine's business; version 2 is what
// images carry and what the kernel translates to and from by itself (capabilities(7)).
inline void toPortableCapability(std::string& value) {
  constexpr size_t kVersion3Size = 24, kVersion2Size = 20;
  if (value.size() != kVersion3Size || static_cast<unsigned char>(value[3]) != 0x03) return;
  value.resize(kVersion2Size);
  value[3] = 0x02;
}
