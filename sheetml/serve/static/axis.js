// Rows or columns along one direction: most of one size, some of others (0 is hidden).
export class Axis {
  constructor(count, usual, runs) {
    this.count = count;
    this.usual = usual;
    this.runs = runs.filter(([first, last]) => first <= last).sort((a, b) => a[0] - b[0]);
    this.before = [];
    let sum = 0;
    for (const [first, last, size] of this.runs) {
      this.before.push(sum);
      sum += (last - first + 1) * (size - usual);
    }
    this.total = this.offset(count + 1);
  }

  run(line) { // the last run that begins at or before a line, -1 for none
    let low = -1, high = this.runs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.runs[middle][0] <= line) low = middle; else high = middle - 1;
    }
    return low;
  }

  offset(line) {
    const start = (line - 1) * this.usual, index = this.run(line - 1);
    if (index < 0) return start;
    const [first, last, size] = this.runs[index];
    return start + this.before[index] + (Math.min(line - 1, last) - first + 1) * (size - this.usual);
  }

  size(line) {
    const index = this.run(line);
    return index >= 0 && line <= this.runs[index][1] ? this.runs[index][2] : this.usual;
  }

  at(pixel) { // the line that covers a pixel
    let low = 1, high = this.count;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.offset(middle) <= pixel) low = middle; else high = middle - 1;
    }
    return low;
  }

  next(line, step) { // the next line that is not hidden
    let found = line + step;
    while (found >= 1 && found <= this.count && this.size(found) === 0) found += step;
    return found >= 1 && found <= this.count ? found : line;
  }
}
