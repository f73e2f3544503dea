package schema

// Adopt makes a schema the successor of another, so that records which were kept
// under the old one can be read under the new one: a field keeps its slot, a new
// one gets a slot that no field of the object has ever had. It gives, by object,
// the slots that are free now because their field is gone.
//
// Slots are never used again: whoever still reads a record through a field that is
// gone finds nothing, and not another field's value.
func (s *Schema) Adopt(old *Schema) (freed map[string][]int) {
	freed = map[string][]int{}
	for _, o := range s.Objects {
		before, ok := old.Object(o.Name)
		if !ok {
			continue
		}
		kept := map[int]bool{}
		width := before.Width
		for _, f := range o.Fields {
			if f.Slot < 0 {
				continue
			}
			if was, ok := before.Field(f.Name); ok && was.Slot >= 0 {
				f.Slot = was.Slot
				kept[f.Slot] = true
				continue
			}
			f.Slot = width
			width++
		}
		o.Width = width
		for _, f := range before.Fields {
			if f.Slot >= 0 && !kept[f.Slot] {
				freed[o.Name] = append(freed[o.Name], f.Slot)
			}
		}
	}
	return freed
}
