#include "copy-request.h"

namespace {

Xattrs readXattrs(SpecReader& spec) {
  Xattrs xattrs;
  const uint32_t count = spec.u32();
  for (uint32_t i = 0; i < count && !spec.failed(); i++) {
    std::string name = spec.string();
    xattrs.emplace_back(std::move(name), std::string(spec.bytes()));
  }
  return xattrs;
}

CopyEntry readEntry(SpecReader& spec, uint32_t source) {
  CopyEntry entry;
  entry.sourcePath = spec.string();
  entry.path = spec.string();
  entry.mode = spec.u32();
  entry.uid = spec.u32();
  entry.gid = spec.u32();
  entry.sizeBytes = spec.u64();
  entry.mtimeNs = spec.i64();
  entry.ctimeNs = spec.i64();
  entry.ino = spec.u64();
  entry.rdev = spec.u64();
  entry.linkTarget = spec.string();
  entry.linkGroup = spec.u32();
  entry.readsXattrs = spec.boolean();
  entry.xattrs = readXattrs(spec);
  entry.isImplied = spec.boolean();
  entry.impliedMode = spec.u32();
  entry.source = source;
  return entry;
}

void readItem(SpecReader& spec, CopyRequest& request) {
  CopyItem item;
  item.destination = spec.string();
  item.destinationIsDirectory = spec.boolean();
  item.isSingle = spec.boolean();
  item.baseName = spec.string();
  item.hasTime = spec.boolean();
  item.mtimeNs = spec.i64();
  const uint32_t source = spec.u32();
  item.first = request.entries.size();
  item.count = spec.u32();
  for (size_t i = 0; i < item.count && !spec.failed(); i++) request.entries.push_back(readEntry(spec, source));
  request.items.push_back(std::move(item));
}

}  // namespace

CopyRequest readCopyRequest(SpecReader& spec) {
  CopyRequest request;
  request.destination = readViewSpec(spec);
  request.userxattr = spec.boolean();
  request.times = readTimePolicy(spec);
  request.link = spec.boolean();
  request.parentMode = spec.u32();
  request.parentUid = spec.u32();
  request.parentGid = spec.u32();
  request.parentsInherit = spec.boolean();
  request.parentSeconds = spec.i64();
  const uint32_t sources = spec.u32();
  for (uint32_t i = 0; i < sources && !spec.failed(); i++) {
    CopySource source;
    source.isView = spec.u8() == 1;
    if (source.isView) source.view = readViewSpec(spec);
    else source.directory = spec.string();
    request.sources.push_back(std::move(source));
  }
  const uint32_t items = spec.u32();
  for (uint32_t i = 0; i < items && !spec.failed(); i++) readItem(spec, request);
  return request;
}
