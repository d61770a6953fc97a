export class Transform {
  addChild(child: object): void;
  removeChild(child: object): void;
}
