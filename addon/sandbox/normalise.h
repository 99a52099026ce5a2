// Makes a committed upperdir equal to what apply.cc makes from the layer's tar, so that it can serve as the snapshot that
// is keyed by the layer's diffID: on any parent, and whichever of the two made it (DESIGN.md, section 5).
#pragma once
#include "tree.h"

// Removes what is not in the layer, makes explicit whiteouts, strips overlay's attributes and sets the tar's times.
void normaliseUpper(const Operation& operation, int upperFd, const TreeNode& root, const TimePolicy& times);
