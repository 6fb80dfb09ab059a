/** Decides which known name a misspelt one was probably meant to be, for error messages. */

/** The known name with the fewest edits to `name`, if a third of its letters or fewer differ. */
export function nearestName(name: string, knownNames: Iterable<string>): string | undefined {
  let nearest: string | undefined;
  let nearestEdits = Infinity;
  for (const known of knownNames) {
    const edits = countEdits(name, known);
    if (edits < nearestEdits && edits <= Math.max(1, Math.floor(known.length / 3))) {
      nearest = known;
      nearestEdits = edits;
    }
  }
  return nearest;
}

/** Levenshtein distance, with one row of the table kept at a time. */
function countEdits(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
